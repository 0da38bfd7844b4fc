import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { listCommandLines } from './processes.ts';
import type { Shop } from './shop.ts';

/** Returns the address of a shared Postgres or Redis, as `ps` tells it, with the password that stack has made up for it, where it has. */
export function withOwnPassword(root: string, url: string): string {
  const file = path.join(root, '.stack/passwords.json');
  const passwords = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as Record<string, string>;
  const address = new URL(url);
  const password = passwords[address.protocol.slice(0, -1)];
  return password === undefined ? url : Object.assign(address, { password }).href;
}

/** Returns all that stack prints and writes down for others, and what any user of this machine sees of its programs (Linux). */
export async function listTold(shop: Shop): Promise<string[]> {
  const printed = await Promise.all(
    [['ps', '--json'], ['check'], ['doctor', '--json']].map((args) => shop.stack(args)),
  );
  return [
    ...printed.flatMap(({ stdout, stderr }) => [stdout, stderr]),
    ...listCommandLines(),
    shop.read('.stack/state.json'),
  ];
}
