#!/bin/sh
# Called by an agent's hook: hook.sh EVENT [PAYLOAD]; without PAYLOAD it is on standard input.
# Adds one line to the run's events: Unix seconds, EVENT, the payload without line ends. It prints nothing and never fails.
exec >/dev/null 2>&1
umask 077
event=${1:-unknown}
case $event in *[!A-Za-z0-9_.-]*) event=unknown ;; esac

# What a tool was told and answered is long, there are many of them, and that one was used is all that counts.
case $event in *[Tt]ool*) most=4096 ;; *) most=65536 ;; esac

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
else
  note
fi
exit 0
