import { isThere } from '../../adapters/files/files.ts';
import { dropRescue, keepBeside, keepRecord, listRecords, rescueRef } from '../../adapters/git/rescue/refs.ts';
import { type Rescued, rescueWork } from '../../adapters/git/rescue/rescue.ts';
import { type Doubtful, listDoubtful } from '../../adapters/git/risk/doubtful.ts';
import { lookForOwnCommits } from '../../adapters/git/risk/risk.ts';
import { bestEffort, StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord, madeRepos } from '../../domain/instance.ts';
import {
  describeOwn,
  isOf,
  listYoung,
  momentOf,
  parseRescue,
  type Rescue,
  type RescuedRepo,
  renderRescue,
  type SavedData,
  type SaveStamp,
} from '../../domain/rescue.ts';
import type { Stack } from '../core/stack.ts';
import { listApart, listBeside } from './beside.ts';
import { CHOICES, folderOf, type TicketRisk } from './risks.ts';

/** More ignored files than this in one repo are asked about before they go into git. */
const MANY_BYTES = 50_000_000;

/** As long as git itself keeps what nothing but a log leads to (`gc.reflogExpireUnreachable`). */
const QUIET_DAYS = 30;

/** Ignored files of one repo, or files beside the worktrees, that together are large. */
export interface LargeFiles {
  ticket: string;
  repo: string | undefined;
  paths: string[];
  bytes: number;
}

/** Returns the repos whose ignored files, and the tickets whose other files, are too large to be saved without asking. */
export function listLarge(risks: readonly TicketRisk[]): LargeFiles[] {
  return risks.flatMap(({ ticket, repo, findings }) =>
    findings.flatMap(({ kind, paths = [], bytes = 0 }) =>
      (kind === 'ignored' || repo === undefined) && bytes > MANY_BYTES ? [{ ticket, repo, paths, bytes }] : [],
    ),
  );
}

type NamedRepo = [string, DedicatedRepo];

/** How a ticket is saved. */
interface Saving {
  stamp: () => Promise<SaveStamp>;
  data: SavedData | undefined;
  /** True where its create did not finish. */
  halfMade: boolean;
  /** The repos that go, with the files in them that may be somebody's: then the others stay, and what is beside the worktrees. */
  inside?: ReadonlyMap<string, Doubtful>;
}

/**
 * Saves all of a ticket in its repos, where any of them has work that would be lost: the work itself, and what the ticket
 * was, so that it can be made again. Without such work it saves what nobody needs to be asked about: commits that were amended,
 * rebased away or taken back, and what a person may have written while a set-up ran. Undefined when there was nothing to save;
 * `stamp` is asked for only when there is. Throws `git`, `dirty`, `files`.
 */
export async function rescueTicket(
  record: InstanceRecord,
  risks: readonly TicketRisk[],
  { stamp: makeStamp, data, halfMade, inside }: Saving,
): Promise<Rescue | undefined> {
  const kinds = risks.flatMap(({ findings }) => findings.map(({ kind }) => kind));
  // Stashes are the repo's and stay there.
  const quiet = kinds.every((kind) => kind === 'stashed' || CHOICES.has(kind));
  const doubtful = inside ?? (await findDoubtful(madeRepos(record), halfMade));
  const going = dedicatedRepos(record).filter(([repo]) => doubtful.has(repo));
  const isCertain = [...doubtful.values()].every(({ files, inRepos }) => files.length + inRepos.length === 0);
  if (quiet && isCertain && !(await hasOwnCommits(going))) return undefined;
  const stamp = await makeStamp();
  const { time } = stamp;
  const saved = await saveRepos(record, risks, { time, quiet, doubtful, besideStays: inside !== undefined, halfMade });
  const borrowed = Object.entries(record.repos).flatMap(([repo, { mode }]) =>
    mode === 'shared' ? [[repo, { mode }] as const] : [],
  );
  const services = Object.entries(record.services).map(([name, { runtime }]) => [name, { runtime }] as const);
  const rescue: Rescue = {
    ...{ version: 1, ticket: record.ticket, argument: record.argument, ...stamp, createdAt: record.createdAt },
    ...(record.task !== undefined && { task: record.task }),
    ...(record.documents && { documents: record.documents }),
    ...(record.issue && { issue: record.issue }),
    ...(halfMade && { halfMade }),
    ...(quiet && { quiet }),
    repos: Object.fromEntries([...saved, ...borrowed]),
    services: Object.fromEntries(services),
    ...describeOwn(record, data),
  };
  const text = renderRescue(rescue);
  const ones = new Map(saved);
  const kept = dedicatedRepos(record).filter(([repo]) => ones.get(repo)?.ref ?? ones.get(repo)?.beside);
  await Promise.all(
    kept.map(([repo, own]) =>
      keepRecord(own.path, { ticket: record.ticket, time, exact: ones.get(repo)?.exact }, text),
    ),
  );
  return rescue;
}

/** Returns the files that may be somebody's, by repo. */
export async function findDoubtful(repos: readonly NamedRepo[], halfMade: boolean): Promise<Map<string, Doubtful>> {
  const looks = await Promise.all(
    repos.map(async ([repo, own]) => [repo, await listDoubtful({ ...own, repoPath: own.path }, halfMade)] as const),
  );
  return new Map(looks);
}

async function hasOwnCommits(repos: readonly NamedRepo[]): Promise<boolean> {
  const looks = await Promise.all(repos.map(([, own]) => lookForOwnCommits({ ...own, repoPath: own.path })));
  return looks.some(({ heads, objects }) => heads.length + objects.length > 0);
}

/** Drops what was kept of a ticket's repos without a question, once it is old; nothing of tickets that are there. Throws `git`, `state`. */
export async function purgeQuiet(stack: Stack, record: InstanceRecord): Promise<void> {
  const oldest = Date.now() - QUIET_DAYS * 86_400_000;
  const living = Object.values((await stack.store.read()).instances);
  await Promise.all(
    dedicatedRepos(record).map(async ([, own]) => {
      const rescues = (await listRecords(own.path)).flatMap((text) => parseRescue(text) ?? []);
      const saves = rescues.map((save) => ({ save, at: momentOf(save.time) }));
      const young = new Set(listYoung(saves, oldest).map(({ save }) => save));
      const old = rescues.filter((save) => save.quiet && !young.has(save) && !living.some((one) => isOf(save, one)));
      for (const { ticket, time } of old) await dropRescue(own.path, ticket, time);
    }),
  );
}

/** All of them or none: a rescue of some repos alone would be known to nobody. */
async function saveRepos(
  record: InstanceRecord,
  risks: readonly TicketRisk[],
  how: {
    time: string;
    quiet: boolean;
    doubtful: ReadonlyMap<string, Doubtful>;
    besideStays: boolean;
    halfMade: boolean;
  },
): Promise<[string, RescuedRepo][]> {
  const { time, quiet, doubtful, besideStays, halfMade } = how;
  const repos = dedicatedRepos(record);
  const place = folderOf(record);
  const [beside, apart] = besideStays ? [[], []] : [await listBeside(place), listApart(place)];
  if (beside.length > 0 && !(await Promise.all(repos.map(([, own]) => isThere(own.path)))).includes(true))
    throw homelessError(record, beside);
  const looks = await Promise.allSettled(
    repos.map(async ([repo, own]) => {
      const found = doubtful.get(repo);
      if (found === undefined && !own.adopted) return [repo, describeRepo(own, undefined)] as [string, RescuedRepo];
      const findings = risks.filter((risk) => risk.repo === repo).flatMap((risk) => risk.findings);
      const named = findings.flatMap(({ kind, paths }) => (kind === 'ignored' ? (paths ?? []) : []));
      const { files, inRepos } = found ?? { files: [], inRepos: [] };
      const which = quiet ? { only: files } : { ignored: [...new Set([...named, ...files])] };
      const ref = rescueRef(record.ticket, time);
      const options = { ...own, repoPath: own.path, ref, ...which, inRepos, always: true, isHalfMade: halfMade };
      // A worktree that stays needs no rescue; its repo keeps what is beside the worktrees all the same.
      const saved = describeRepo(own, own.adopted ? undefined : await rescueWork(options));
      if (beside.length === 0 || !(await isThere(own.path))) return [repo, saved] as [string, RescuedRepo];
      const { ticket, folder } = record;
      const kept = await keepBeside(own.path, { ticket, time, folder, names: beside, apart });
      return [repo, { ...saved, beside: kept }] as [string, RescuedRepo];
    }),
  );
  const failed = looks.find((look) => look.status === 'rejected');
  if (!failed) return looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
  await Promise.all(repos.map(([, own]) => bestEffort(dropRescue(own.path, record.ticket, time))));
  throw failed.reason;
}

function homelessError({ ticket, folder }: InstanceRecord, paths: readonly string[]): StackError {
  return new StackError('dirty', `${ticket} has no repo of its own in which ${paths[0]} could be saved`, {
    hint: `move what is in ${folder} elsewhere, then run the command again`,
    details: { paths },
  });
}

function describeRepo(
  { branch, ownsBranch, base, baseCommit }: Pick<RescuedRepo, 'branch' | 'ownsBranch' | 'base' | 'baseCommit'>,
  saved: Rescued | undefined,
): RescuedRepo {
  const common = { mode: 'dedicated', branch, ownsBranch, base, baseCommit } as const;
  if (!saved) return { ...common, operations: [] };
  const { head, ...rest } = saved;
  const usual = head === undefined || (head.branch === branch && head.commit === saved.tip);
  return { ...common, ...rest, ...(usual ? {} : { head }) };
}
