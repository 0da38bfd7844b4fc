/** Groups that must not outlive this process, with the signal that ends each. */
const groups = new Map<number, NodeJS.Signals>();
let watching = false;

/**
 * Ends a process group should this process leave before the group has ended (a second Ctrl-C): groups of their own are not
 * reached by what the terminal sends. Gives what takes that back.
 */
export function endWithMe(group: number, signal: NodeJS.Signals): () => void {
  groups.set(group, signal);
  if (!watching) process.on('exit', endAll);
  watching = true;
  return () => void groups.delete(group);
}

function endAll(): void {
  for (const [group, signal] of groups) {
    try {
      process.kill(-group, signal);
    } catch {
      // It has ended by itself.
    }
  }
}
