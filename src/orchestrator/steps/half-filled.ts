import type { StackConfig } from '../../domain/config/config.ts';
import { bestEffort, ifAnswered } from '../../domain/errors.ts';
import type { Filling } from '../../domain/instance.ts';
import type { Work } from '../core/work.ts';
import { findKind, listDatabases } from '../data/kinds.ts';

/** Returns what is left of filling the baseline's database, where something is in it; undefined: nothing, or all. */
export async function findHalf(work: Work, config: StackConfig): Promise<Filling | undefined> {
  const { filling } = await work.stack.store.read();
  return filling && !(await isBaselineEmpty(work, config)) ? filling : undefined;
}

/** True when the databases that the stack shares are there, and have nothing in them. */
export async function isBaselineEmpty(work: Work, config: StackConfig): Promise<boolean> {
  const asked = listDatabases(config).map((name) => ifAnswered(async () => findKind(name)?.isEmpty?.(work, config)));
  const found = await Promise.all(asked);
  return found.length > 0 && found.every((empty) => empty === true);
}

/** True where the databases are on servers of stack's own: what is on one of the team's, people decide. */
export function isOnOurs(config: StackConfig): boolean {
  return listDatabases(config).every((name) => config.shared.services[name]?.url === undefined);
}

/** Keeps the empty databases beside what is about to be put into them. False where that cannot be. */
export async function keepEmpty(work: Work, config: StackConfig): Promise<boolean> {
  if (!isOnOurs(config) || !(await isBaselineEmpty(work, config))) return false;
  const asked = listDatabases(config).map((name) => ifAnswered(async () => findKind(name)?.empty?.keep(work, config)));
  return (await Promise.all(asked)).every((kept) => kept === true);
}

/** Puts the empty databases in the place of what was put into them. Throws `conflict` while others use them, `database`. */
export async function putEmptyBack(work: Work, config: StackConfig): Promise<void> {
  for (const name of listDatabases(config)) await findKind(name)?.empty?.putBack(work, config);
}

/** Lets go of what `keepEmpty` kept. */
export async function dropEmpty(work: Work, config: StackConfig): Promise<void> {
  for (const name of listDatabases(config)) await bestEffort(findKind(name)?.empty?.drop(work, config) ?? nothing());
}

async function nothing(): Promise<void> {}
