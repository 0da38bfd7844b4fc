import { rootIdOf } from '../../src/domain/names.ts';

/** Returns the socket of a root's tmux server. */
export function socketOf(root: string): string {
  return `/tmp/tmux-${process.getuid?.()}/stack-${rootIdOf(root)}`;
}
