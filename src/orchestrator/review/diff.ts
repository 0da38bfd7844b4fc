import path from 'node:path';
import type { ShownFile } from '../../adapters/git/merge/show-changes.ts';
import { joinTrees, listShownFiles, showChanges } from '../../adapters/git/merge/show-changes.ts';
import { StackError } from '../../domain/errors.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { placePaths } from './paths.ts';
import { openSeen, type SeenMarks } from './seen.ts';
import { type TreeRoom, withTrees } from './trees.ts';
import { readWorks } from './works.ts';

/** What of a ticket is compared, and how it is shown. */
export interface DiffWanted {
  ticket: string;
  /** Another ticket: what it has otherwise. Undefined: the ticket is compared with its bases. */
  other?: string | undefined;
  /** Repos alone that are meant; none: all that the ticket has of its own. */
  repos?: readonly string[];
  /** True: what is not committed is left out. */
  committed?: boolean;
  /** True: what was seen last stands for the bases. */
  sinceSeen?: boolean;
  /** True: a person sees all of it now. */
  isLook?: boolean;
  /** Files and folders as typed, from the folder `cwd`, or with the repo's name in front. */
  paths?: readonly string[];
  cwd?: string;
  /** Undefined: no text is wanted. */
  show?: Promise<{ flags: readonly string[]; env: Record<string, string | undefined> }> | undefined;
}

/** What a ticket has changed. */
export interface TicketDiff {
  ticket: string;
  /** The other ticket. */
  other?: string;
  /** `since`: when what it is compared with was seen; null for never, which is the base. */
  repos: Record<string, { base: string; since?: string | null; files: ShownFile[] }>;
  /** Of which repos nothing is known, and why. */
  problems: string[];
  /** What else is to be said, a line each. */
  notes: string[];
  /** As git prints it, all repos in one; '' where nothing changed. */
  text: string;
}

/**
 * Returns what a ticket has changed since its bases, or since it was seen, or what another ticket has otherwise: committed or not, with
 * files that git does not know. No index, ref, object or file of a repo changes, and no program of one runs. Throws `not-found`, `usage`,
 * `git`, `interrupted`; `busy` while a ticket is being made or taken apart.
 */
export async function diffTicket(stack: Stack, wanted: DiffWanted): Promise<TicketDiff> {
  const state = await stack.store.read();
  const record = requireInstance(state, wanted.ticket);
  const second = wanted.other === undefined ? undefined : requireInstance(state, wanted.other);
  const only = wanted.repos ?? [];
  const mine = await readWorks(stack, record, second ? [] : only);
  const theirs = second && (await readWorks(stack, second, []));
  const unseen = [...mine.unseen, ...(theirs?.unseen ?? [])];
  const all = [...new Set([...Object.keys(mine.works), ...Object.keys(theirs?.works ?? {})])];
  const stranger = only.find((repo) => ![...all, ...unseen].includes(repo));
  if (stranger !== undefined)
    throw new StackError('not-found', `neither ticket has ${stranger} of its own`, {
      hint: `they have ${all.join(', ')}`,
    });
  // Of a repo that one of them has and that cannot be looked at nothing is known.
  const repos = all.filter((repo) => !unseen.includes(repo) && (only.length === 0 || only.includes(repo)));
  const problems = [...mine.problems, ...(theirs?.problems ?? [])];
  const about = { ticket: record.ticket, ...(second && { other: second.ticket }) };
  if (repos.length === 0) return { ...about, repos: {}, problems, notes: [], text: '' };
  const seen = wanted.isLook || wanted.sinceSeen ? await openSeen(stack.root, record) : undefined;
  return withTrees(stack, { ...wanted, repos, mine, theirs, seen }, async (room) => {
    const worktrees = room.trees.map(({ worktree }) => worktree);
    const paths = placePaths({ paths: wanted.paths ?? [], cwd: wanted.cwd ?? '', repos, worktrees });
    const found = wanted.show
      ? { files: [], text: await show(room, { paths, ...(await wanted.show) }) }
      : { files: await listFiles(room, paths), text: '' };
    if (wanted.isLook) await seen?.look(room.trees);
    const told = room.trees.map(({ repo, base, since }, index) => {
      return [repo, { base, ...(wanted.sinceSeen && { since }), files: found.files[index] ?? [] }] as const;
    });
    const notes = wanted.sinceSeen ? describeSince(record.ticket, room, seen) : [];
    return { ...about, repos: Object.fromEntries(told), problems, notes, text: found.text };
  });
}

async function show(
  { git, trees }: TreeRoom,
  how: { paths: readonly string[]; flags: readonly string[]; env: Record<string, string | undefined> },
): Promise<string> {
  const side = (which: 'from' | 'to') => Object.fromEntries(trees.map((one) => [one.repo, one[which]]));
  const joined = await joinTrees(git, [side('from'), side('to')]);
  return showChanges(git, joined, { ...how, attributesOf: path.dirname(trees[0]?.worktree ?? '') });
}

/** Each repo by itself: a file that went to another repo is not renamed. */
async function listFiles({ git, trees }: TreeRoom, paths: readonly string[]): Promise<ShownFile[][]> {
  return Promise.all(
    trees.map(async ({ repo, worktree, from, to }) => {
      const own = paths.filter((one) => one === repo || one.startsWith(`${repo}/`));
      if (from === to || (paths.length > 0 && own.length === 0)) return [];
      const inside = own.includes(repo) ? [] : own.map((one) => one.slice(repo.length + 1));
      return listShownFiles(git, [from, to], { paths: inside, attributesOf: worktree });
    }),
  );
}

function describeSince(ticket: string, { trees }: TreeRoom, seen: SeenMarks | undefined): string[] {
  const fresh = trees.filter(({ since }) => since === null);
  if (fresh.length === trees.length) return [`${ticket} was not looked at before: all of it is shown`];
  const changed = trees.filter(({ from, to }) => from !== to);
  const lost = trees.filter(({ isMixed }) => isMixed);
  const [first = ''] = trees.flatMap(({ since }) => since ?? []).sort();
  return [
    ...fresh.map(({ repo }) => `${repo} was not looked at before: all of it is shown`),
    ...lost.map(({ repo }) => `${repo}: its base has news that cannot be told from the work: they are shown too`),
    ...(changed.length === 0 && seen
      ? [`nothing has come to ${ticket} since ${first.slice(0, 16).replace('T', ' ')}`]
      : []),
  ];
}
