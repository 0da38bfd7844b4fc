import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { it } from 'vitest';

/** What `ps` and `lsof` are: those of any Mac, a `ps` that says that it may not look, both refused at once, no `lsof`. */
export type MacWorld = 'usual' | 'ps-refused' | 'sandbox' | 'no-lsof';

const PRELOAD = path.join(import.meta.dirname, 'macos-ways.cjs');

/** The world that the whole run is in; undefined on Linux as it is. */
const programs = process.env.STACK_TEST_MAC;

/** True in the run that is as on a Mac. */
export const isOnMac = programs !== undefined;

/** True where the programs that stand for a Mac's can work: they ask these of Linux. */
export const canBeMac =
  process.platform === 'linux' && ['ps', 'lsof'].every((name) => existsSync(path.join('/usr/bin', name)));
if (!canBeMac && !isOnMac)
  console.warn('\n!!! SKIPPED: what is as on a Mac needs Linux, /usr/bin/ps and /usr/bin/lsof\n');

/** A test of what Linux alone tells or has. The run that is as on a Mac counts those that it leaves out. */
export const onLinuxAlone = it.skipIf(isOnMac);

/** Lets time pass until a program that begins now is seen to begin later: `ps` on a Mac tells whole seconds, Linux ticks of 10 ms. */
export async function untilItBeginsLater(): Promise<void> {
  await wait(isOnMac ? 3000 : 200);
}

/** Returns the variables with which the built bin finds the world as macOS has it (test/support/macos-ways.cjs). */
export function macEnv(world: MacWorld = 'usual', searchPath = process.env.PATH): Record<string, string> {
  return envWith(path.join(import.meta.dirname, 'mac', world), searchPath);
}

/** Returns the same for a test whose whole run is as on a Mac; nothing elsewhere. */
export function envOfRun(): Record<string, string> {
  return programs === undefined ? {} : envWith(programs, process.env.PATH);
}

function envWith(folder: string, searchPath = ''): Record<string, string> {
  // First on the PATH, too, for what a shell starts.
  const folders = searchPath.split(path.delimiter).filter((one) => one !== folder);
  return {
    STACK_TEST_MAC: folder,
    NODE_OPTIONS: `--require ${PRELOAD}`,
    PATH: [folder, ...folders].join(path.delimiter),
  };
}

/** Returns an environment with more in it; options of Node that both have are kept. */
export function addEnv(env: Record<string, string>, more: Record<string, string> = {}): Record<string, string> {
  const options = [env.NODE_OPTIONS, more.NODE_OPTIONS].filter((one) => one !== undefined);
  return { ...env, ...more, ...(options.length > 0 && { NODE_OPTIONS: options.join(' ') }) };
}
