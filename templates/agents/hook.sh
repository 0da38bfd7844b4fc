#!/bin/sh
# Called by an agent's hook: hook.sh EVENT [PAYLOAD]; without PAYLOAD it is on standard input.
# Adds one line to the run's events: unix seconds, EVENT, the payload without line ends. It prints nothing and never fails.
exec 2>/dev/null >/dev/null
LC_ALL=C
export LC_ALL
most=65536

drain() {
  [ "$given" = 1 ] || [ -t 0 ] || cat
}

note() {
  [ -n "$STACK_RUN_DIR" ] && [ -d "$STACK_RUN_DIR" ] || return
  line=$STACK_RUN_DIR/.event.$$
  # One read and one write of dd: lines of two hooks never mix, and what a killed hook has begun is not among them.
  {
    printf '%s %s ' "$(date +%s)" "$event"
    if [ "$given" = 1 ]; then printf '%s' "$payload"; elif ! [ -t 0 ]; then cat; fi | head -c "$most" | tr '\n\r\0' '   '
    echo
  } >"$line" && dd if="$line" bs=131072 >>"$STACK_RUN_DIR/events"
  rm -f "$line"
}

umask 077
event=$(printf '%s' "${1:-unknown}" | tr -c 'A-Za-z0-9_.-' _)
given=0
if [ $# -gt 1 ]; then given=1; payload=$2; fi
note
drain
exit 0
