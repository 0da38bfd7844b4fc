/**
 * Waits in a command's group until whoever started it says that it has ended. Where the pipe closes without a word, that one was
 * killed: then all of the group ends, and on Linux what carries its marker ($0) and has left it; elsewhere the pattern finds nothing.
 * As a member it keeps the group's number from being given to another. SIGTERM ends it: then somebody else ends the group.
 */
const GUARD = `
read -r word <&3 && exit
trap '' TERM
tell() {
  kill -"$1" $(grep -lsF "$0" /proc/[0-9]*/environ | sed 's/[^0-9]//g')
  kill -"$1" 0
}
tell TERM
trap - TERM
sleep 5
tell KILL
`;

/**
 * Becomes the command once it is told to go on; the guard ($1) is nobody's child by then, so that a command which waits for all
 * of its children does not wait for it. The guard works in no folder of the ticket and carries nothing of the command's
 * environment. The variables of this shell have names that no command has in its own.
 */
const BEGIN = `
read -r _stack_word <&3 && test "$_stack_word" = go || exit 125
_stack_guard=$1
shift
(PATH="$PATH:/usr/bin:/bin" && cd / && env -i PATH="$PATH" /bin/sh -c "$_stack_guard" "$0" </dev/null >/dev/null 2>&1 &)
exec 3<&-
exec "$@"
`;

/** Returns the argv that runs a command under a guard; its fourth stream is the gate. `marker` is an entry of its environment. */
export function guardArgv(argv: readonly string[], marker: string): string[] {
  return ['/bin/sh', '-c', BEGIN, marker, GUARD, ...argv];
}
