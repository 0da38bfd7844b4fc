import { spawnSync } from 'node:child_process';
import { BIN } from './shop.ts';

/** Returns what starts the command as another user: `through` of a shop's `stack`. */
export function asUser(uid: number): string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
}

/** True where the command can be run as somebody else; says so where it cannot. */
export function canBeOthers(): boolean {
  const [program = '', ...args] = [...asUser(65534), process.execPath, BIN, '--version'];
  const possible = process.getuid?.() === 0 && spawnSync(program, args).status === 0;
  if (!possible)
    console.warn('\n!!! SKIPPED: only root may run the command as somebody else, who must be able to read it\n');
  return possible;
}
