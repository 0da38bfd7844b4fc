import { readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { withLock } from '../../adapters/lock.ts';
import { revealText } from '../../domain/config/commands.ts';
import { ifAnswered, messageOf, StackError } from '../../domain/errors.ts';
import { parseFields } from '../../domain/json.ts';
import { toldFileOf, toldLockOf } from '../../domain/layout.ts';
import { findNotify, notify } from '../core/notify.ts';
import type { Stack } from '../core/stack.ts';
import { type CollidingPair, type Collisions, findCollisions, isUnseen } from '../review/collisions.ts';
import { appendNote } from './note.ts';

/** How gravely two tickets collide. */
type Level = 'conflict' | 'touch';

/** What people and agents were told of and that goes on, by the names of two tickets, in order, with a space between them. */
type Told = Record<string, Level>;

/** All that two tickets have in each other's way. */
interface Clash {
  tickets: [string, string];
  level: Level;
  pairs: CollidingPair[];
}

const SHOWN_PATHS = 3;

/**
 * Looks how tickets collide, and tells of what has begun, as `announceCollisions` does; where that fails on purpose it is warned of.
 * Throws what `findCollisions` throws.
 */
export async function watchCollisions(stack: Stack, about: readonly string[]): Promise<Collisions> {
  const found = await findCollisions(stack, about);
  await announceCollisions(stack, found, about).catch((error: unknown) => {
    if (!(error instanceof StackError) || !['busy', 'files'].includes(error.code)) throw error;
    stack.emit({ type: 'warning', text: `nobody was told of collisions: ${messageOf(error)}` });
  });
  return found;
}

/**
 * Tells the person, and in their notes the agents of both tickets, of each two that have begun to collide, or to conflict; once, until
 * they do so no longer: never twice, so who is killed meanwhile may have told nobody. Without `notify:` in stack.yml nobody is. What was found is of these tickets, or of all. Throws `busy`, `files`,
 * `interrupted`.
 */
export async function announceCollisions(stack: Stack, found: Collisions, about: readonly string[]): Promise<void> {
  if ((await findNotify(stack)) === undefined) return;
  const clashes = groupClashes(found.pairs);
  const seen = levelsOf(clashes);
  const now = (told: Told): Told => ({ ...seen, ...keepGoing(told, seen, found, about) });
  const before = await readTold(stack);
  if (isSame(before, now(before))) return;
  const begun = await withLock(
    toldLockOf(stack.root),
    async () => {
      const told = await readTold(stack);
      const fresh = clashes.filter(({ tickets, level }) => ![level, 'conflict'].includes(told[keyOf(tickets)] ?? ''));
      await replaceFile(toldFileOf(stack.root), `${JSON.stringify(now(told))}\n`, { lasting: false });
      await writeNotes(stack, fresh);
      return fresh;
    },
    { signal: stack.signal },
  );
  if (begun.length === 0) return;
  // Others need not wait for a command that hangs.
  const text = begun.map(({ tickets, pairs }) => describeClash(tickets, pairs)).join('\n');
  await notify(stack, { event: 'collision', tickets: [...new Set(begun.flatMap(({ tickets }) => tickets))], text });
}

/** Returns how two tickets collide, from the side of the first, in a line. */
export function describeClash([one, other]: readonly [string, string], pairs: readonly CollidingPair[]): string {
  const what = levelOf(pairs) === 'conflict' ? `conflicts with ${other}` : `touches what ${other} does`;
  const paths = pairs.flatMap(({ repo, paths: inRepo }) => inRepo.map((path) => revealText(`${repo}/${path}`)));
  const more = paths.length > SHOWN_PATHS ? `, and ${paths.length - SHOWN_PATHS} more` : '';
  return `${one} ${what}: ${paths.slice(0, SHOWN_PATHS).join(', ')}${more}; \`stack conflicts\` tells how`;
}

/** Returns what collides of each two tickets. */
export function groupClashes(pairs: readonly CollidingPair[]): Clash[] {
  const groups = new Map<string, CollidingPair[]>();
  for (const pair of pairs) groups.set(keyOf(pair.tickets), [...(groups.get(keyOf(pair.tickets)) ?? []), pair]);
  return [...groups.values()].flatMap((group) =>
    group[0] ? [{ tickets: group[0].tickets, level: levelOf(group), pairs: group }] : [],
  );
}

function levelOf(pairs: readonly CollidingPair[]): Level {
  return pairs.some(({ kind }) => kind === 'conflict') ? 'conflict' : 'touch';
}

function keyOf(tickets: readonly [string, string]): string {
  return [...tickets].sort().join(' ');
}

function levelsOf(clashes: readonly Clash[]): Told {
  return Object.fromEntries(clashes.map(({ tickets, level }) => [keyOf(tickets), level]));
}

/**
 * What was told and still holds: what is not asked about; and where not all of two tickets could be looked at, what is graver than the rest
 * of them. A ticket that is gone has nothing in its way.
 */
function keepGoing(told: Told, seen: Told, found: Collisions, about: readonly string[]): Told {
  const goesOn = ([key, level]: [string, Level]): boolean => {
    const both = key.split(' ');
    if (!both.every((ticket) => found.tickets.includes(ticket))) return false;
    if (about.length > 0 && !both.some((ticket) => about.includes(ticket))) return true;
    return isUnseen(found, both) && (level === 'conflict' || seen[key] === undefined);
  };
  return Object.fromEntries(Object.entries(told).filter(goesOn));
}

/** A file that is damaged has told nobody. */
async function readTold({ root }: Stack): Promise<Told> {
  const fields = parseFields((await readFileIfThere(toldFileOf(root))) ?? '') ?? {};
  const isLevel = (entry: [string, unknown]): entry is [string, Level] =>
    ['conflict', 'touch'].includes(String(entry[1]));
  return Object.fromEntries(Object.entries(fields).filter(isLevel));
}

function isSame(one: Told, other: Told): boolean {
  const textOf = (told: Told): string => JSON.stringify(Object.entries(told).sort());
  return textOf(one) === textOf(other);
}

async function writeNotes(stack: Stack, begun: readonly Clash[]): Promise<void> {
  for (const { tickets, pairs } of begun) {
    const [one, other] = tickets;
    for (const side of [
      [one, other],
      [other, one],
    ] as const) {
      // A folder that has gone meanwhile has no reader.
      await ifAnswered(appendNote(stack, side[0], describeClash(side, pairs)));
    }
  }
}
