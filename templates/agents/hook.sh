#!/bin/sh
# Called by an agent's hook: hook.sh EVENT [PAYLOAD]; without PAYLOAD it is on standard input.
# Adds one line to the run's events: Unix seconds, EVENT, the payload without line ends. It prints nothing and never fails.
exec >/dev/null 2>&1
umask 077
event=${1:-unknown}
case $event in *[!A-Za-z0-9_.-]*) event=unknown ;; esac

# What a tool was told and answered is long, there are many of them, and that one was used is all that counts.
case $event in *[Tt]ool*) most=4096 ;; *) most=65536 ;; esac

# Of a run of days the last events tell: what is beyond that is put aside, and goes once that much has come again. A folder that is there is a lock; one of a hook that was killed is taken away.
turn() {
  [ "$(wc -c <"$STACK_RUN_DIR/events")" -gt 2000000 ] || return
  [ -z "$(find "$STACK_RUN_DIR/turning" -prune -mmin +1)" ] || rmdir "$STACK_RUN_DIR/turning"
  mkdir "$STACK_RUN_DIR/turning" || return
  [ "$(wc -c <"$STACK_RUN_DIR/events")" -gt 2000000 ] && mv -f "$STACK_RUN_DIR/events" "$STACK_RUN_DIR/events.1"
  rmdir "$STACK_RUN_DIR/turning"
}

# dd waits for the end and writes once, so that lines of two hooks never mix. What is beyond that is read, and left out.
note() {
  {
    printf '%s %s ' "$(date +%s)" "$event"
    head -c $most | LC_ALL=C tr '\n\r\000' '   '
    echo
    cat >/dev/null
  } | dd ibs=4096 obs=131072 >>"$STACK_RUN_DIR/events"
}

[ -t 0 ] && exec </dev/null
if ! [ -d "${STACK_RUN_DIR:-/dev/null}" ]; then
  [ $# -gt 1 ] || cat
elif [ $# -gt 1 ]; then
  printf '%s' "$2" | note
  turn
else
  note
  turn
fi
exit 0
