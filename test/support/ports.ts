import { existsSync, readFileSync } from 'node:fs';

/**
 * Below the ports that the kernel gives to connections. Each worker of the test runner has a part of its own, so that files
 * that run side by side never wish for the same.
 */
const FIRST = 10_000;
const PART = 5_500;
const PARTS = 4;

const part = FIRST + ((Number(process.env.VITEST_POOL_ID ?? 1) - 1) % PARTS) * PART;
let next = Math.floor(Math.random() * PART);

/** Returns the first of `size` ports in a row on which nothing listens; no two calls in a test file give the same. */
export function freePorts(size = 1): number {
  const taken = listTaken();
  for (let asked = 0; asked < PART; asked += size) {
    if (next + size > PART) next = 0;
    const first = part + next;
    next += size;
    if (!taken.some((port) => port >= first && port < first + size)) return first;
  }
  throw new Error(`no ${size} ports in a row are free from ${part} to ${part + PART}`);
}

const LISTENS = '0A';

/** Where something listens, as Linux tells; elsewhere [], and the range has to do. */
function listTaken(): number[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].filter(existsSync).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === LISTENS)
      .map(([, local = '']) => Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)),
  );
}
