import * as z from 'zod/mini';
import type { InstanceRecord } from './instance.ts';
import { parseJson } from './json.ts';
import { RUNTIME_NAMES } from './runtime.ts';
import { documentShape } from './state/schema.ts';

const dedicated = z.object({
  mode: z.literal('dedicated'),
  /** Keeps the work: `refs/stack/rescue/<ticket>/<time>`; undefined where not even a branch was left. */
  ref: z.optional(z.string()),
  branch: z.string(),
  /** True when stack had made the branch. */
  ownsBranch: z.boolean(),
  /** What the branch was started from, as asked for, and the commit that was then. */
  base: z.string(),
  baseCommit: z.string(),
  /** Full id of the commit the branch was at. */
  tip: z.optional(z.string()),
  /** What was checked out, where it was not the branch at its tip; without a commit: a branch that had none yet. */
  head: z.optional(z.object({ commit: z.optional(z.string()), branch: z.optional(z.string()) })),
  /** Trees of all files and of what was staged; undefined when all was committed. */
  files: z.optional(z.string()),
  staged: z.optional(z.string()),
  /** Tree of all as it was on the disk, and commits that git's own files name; older versions saved none. */
  exact: z.optional(z.object({ tree: z.string(), commits: z.array(z.string()) })),
  /** `a merge`: what somebody was in the middle of. */
  operations: z.array(z.string()),
  /** Tree of the files that were in the ticket's folder and in no repo; each repo of the ticket keeps all of them. */
  beside: z.optional(z.string()),
  /** Commits to which logs and refs of its worktree alone led: left without a branch, amended, rebased away, taken back. */
  others: z.optional(z.array(z.string())),
  /** Tags, trees and blobs to which its refs alone led. */
  objects: z.optional(z.array(z.string())),
  /** What there was to save of each submodule, by its path: other letters once something in it has changed. */
  submodules: z.optional(z.record(z.string(), z.string())),
});

const schema = z.object({
  version: z.literal(1),
  ticket: z.string(),
  /** The ticket's name as typed. */
  argument: z.string(),
  /** When it was saved, as in the names of its refs: `20261121T093000.123Z`. */
  time: z.string(),
  /** Greater than that of every earlier save: a clock may have been set back since. Older versions wrote none. */
  sequence: z.optional(z.number()),
  /** When the ticket was made, ISO 8601. */
  createdAt: z.string(),
  /** What was to be done, and the issue that said so. */
  task: z.optional(z.string()),
  documents: z.optional(z.array(z.object(documentShape))),
  issue: z.optional(
    z.object({ number: z.number(), url: z.string(), title: z.string(), host: z.string(), path: z.string() }),
  ),
  /** True for what a create left that did not finish: not what anybody wants back, unless they ask for it. */
  halfMade: z.optional(z.boolean()),
  /** True where nothing but such commits, and files of which a set-up's are not told apart, was to be saved: kept for 30 days without a question. */
  quiet: z.optional(z.boolean()),
  repos: z.record(z.string(), z.discriminatedUnion('mode', [dedicated, z.object({ mode: z.literal('shared') })])),
  services: z.record(z.string(), z.object({ runtime: z.enum(RUNTIME_NAMES) })),
  /** What it had of its own, and where that is saved: a file in `.stack/dumps`, or a sealed database on the server. */
  own: z.optional(
    z.record(
      z.string(),
      z.object({
        database: z.optional(z.string()),
        from: z.optional(z.string()),
        dump: z.optional(z.string()),
        kept: z.optional(z.string()),
      }),
    ),
  ),
});

/** All that is needed to make a ticket again as it was. Every repo of the ticket keeps a copy, in git. */
export type Rescue = z.infer<typeof schema>;
export type RescuedRepo = z.infer<typeof dedicated>;

/** Reads what a repo keeps of a rescue; undefined for what no version of stack has written. */
export function parseRescue(text: string): Rescue | undefined {
  return schema.safeParse(parseJson(text)).data;
}

/** Returns the text of a rescue: one line of plain ASCII, which git keeps in a commit's message as it is. */
export function renderRescue(rescue: Rescue): string {
  const toAscii = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(rescue).replaceAll(/[\u007f-\uffff]/g, toAscii);
}

/** When one save was made, and which. */
export type SaveStamp = Required<Pick<Rescue, 'time' | 'sequence'>>;

/** True when one save was made after the other. */
export function isNewer(one: Rescue, other: Rescue): boolean {
  const [mine, theirs] = [one.sequence ?? 0, other.sequence ?? 0];
  return mine === theirs ? one.time > other.time : mine > theirs;
}

/** True for a save of that very ticket, and not of another one that had its name. */
export function isOf(save: Rescue, ticket: Pick<Rescue, 'ticket' | 'createdAt'>): boolean {
  return save.ticket === ticket.ticket && save.createdAt === ticket.createdAt;
}

/** A save, and when the clock says that it was made, in milliseconds. */
export interface DatedSave {
  save: Rescue;
  at: number;
}

/**
 * Returns the saves that are not older than a moment. A clock may have been wrong when one was made: none is older than its ticket,
 * nor than one that was saved before it.
 */
export function listYoung<Save extends DatedSave>(saves: readonly Save[], oldest: number): Save[] {
  const now = Date.now();
  const dated = saves.map((one) => ({ one, at: Math.max(one.at, Date.parse(one.save.createdAt) || 0) }));
  // What is of a later time than now says nothing of those after it.
  const sure = dated.filter(({ at }) => at >= oldest && at <= now).map(({ one }) => one.save);
  return dated.flatMap(({ one, at }) =>
    at >= oldest || sure.some((save) => (one.save.sequence ?? 0) > (save.sequence ?? 0)) ? [one] : [],
  );
}

/**
 * Returns a save with what earlier ones of the same ticket have and it lacks: a destroy that was broken off and went on later
 * found, and saved, only what was left. `all` are the newest first.
 */
export function completeRescue(rescue: Rescue, all: readonly Rescue[]): Rescue {
  const earlier = all.filter((one) => isOf(one, rescue));
  return earlier.filter((one) => isNewer(rescue, one)).reduce(addMissing, rescue);
}

function addMissing(rescue: Rescue, earlier: Rescue): Rescue {
  const repos = Object.entries(rescue.repos).map(([name, repo]) => {
    const before = earlier.repos[name];
    const isBoth = repo.mode === 'dedicated' && before?.mode === 'dedicated';
    return [name, isBoth ? completeRepo(repo, before) : repo] as const;
  });
  const own = Object.entries(rescue.own ?? {}).map(([name, part]) => [name, { ...earlier.own?.[name], ...part }]);
  return { ...rescue, repos: Object.fromEntries(repos), ...(rescue.own && { own: Object.fromEntries(own) }) };
}

/** Without a worktree neither files nor the disk were saved. A branch that has moved since tells of later work. */
function completeRepo(repo: RescuedRepo, before: RescuedRepo): RescuedRepo {
  const beside = repo.beside ?? before.beside;
  const isGone = repo.exact === undefined && repo.files === undefined && (repo.tip ?? before.tip) === before.tip;
  if (!isGone) return { ...repo, ...(beside && { beside }) };
  const others = [...new Set([...(before.others ?? []), ...(repo.others ?? [])])];
  return { ...repo, ...before, ...(beside && { beside }), ...(others.length > 0 && { others }) };
}

/** Returns a moment as the names of refs have it. */
export function rescueTime(now: Date): string {
  return now.toISOString().replaceAll(/[-:]/g, '');
}

/** Returns the moment that such a name tells of, in milliseconds. */
export function momentOf(time: string): number {
  return Date.parse(time.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)/, '$1-$2-$3:$4:'));
}

/** Where a destroyed ticket's data is, by the names of the shared services. */
export type SavedData = NonNullable<Rescue['own']>;

/** What was of one of them: a database's name and the baseline's, and where it is saved. */
export type SavedPart = SavedData[string];

/** Returns what a ticket has of its own, as a rescue tells it; with where it is saved, where it is. */
export function describeOwn({ own }: InstanceRecord, saved: SavedData | undefined): Pick<Rescue, 'own'> {
  if (!own) return {};
  const parts = Object.entries(own).map(([name, part]): [string, SavedPart] => {
    const what = part.as === 'database' ? { database: part.database, from: part.from } : {};
    return [name, { ...what, ...saved?.[name] }];
  });
  return { own: Object.fromEntries(parts) };
}
