/** Adds to a number in a file under a lock: `<lock> <file> <times>`; with `hold` for times takes the lock and never lets go. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { withLock } from '../../src/adapters/lock.ts';

const [lock = '', file = '', times = ''] = process.argv.slice(2);

if (times === 'hold') {
  await withLock(lock, async () => {
    console.log('held');
    await wait(600_000);
  });
}
for (let round = 0; round < Number(times); round++) {
  await withLock(lock, async () => {
    const before = Number(readFileSync(file, 'utf8'));
    // Room for another holder to get in between, were there one.
    await wait(1);
    writeFileSync(file, String(before + 1));
  });
}
