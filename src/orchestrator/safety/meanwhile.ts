import { dropRescue } from '../../adapters/git/rescue/refs.ts';
import type { Doubtful } from '../../adapters/git/risk/doubtful.ts';
import { findEveryRisk } from '../../adapters/git/risk/every-risk.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { readNotes } from '../../adapters/git/worktree/own-notes.ts';
import { bestEffort } from '../../domain/errors.ts';
import { type DedicatedRepo, type InstanceRecord, madeRepos } from '../../domain/instance.ts';
import { isLockfile } from '../../domain/lock-files.ts';
import type { Rescue } from '../../domain/rescue.ts';
import { ownerOf, savedBy, type Work } from '../core/work.ts';
import { findDoubtful, purgeQuiet, rescueTicket } from './rescue.ts';
import { stampOf } from './rescues.ts';
import { CHOICES, isOfSetup, requireSavable, type TicketRisk } from './risks.ts';

/**
 * Saves what somebody wrote or committed in the worktrees that a run has made of some repos, before they go again: judged and kept as
 * `destroy --force` does. What a set-up wrote is noted, also by one that failed; what came while it ran is kept quietly.
 * `isWhole`: the ticket goes with them. Returns the lines that tell of it. Throws `dirty` for what cannot be saved, `git`, `files`.
 */
export async function saveMeanwhile(
  work: Work,
  made: readonly string[],
  { isWhole }: { isWhole: boolean },
): Promise<string[]> {
  const ours = await listOurs(work, made);
  const [risks, inside] = await Promise.all([
    Promise.all(ours.map(([repo, own]) => findWork(work, repo, own))),
    findDoubtful(ours, true),
  ]);
  requireSavable(risks);
  const part = isWhole ? work.record : partOf(work.record, inside);
  const how = { stamp: () => stampOf(work), data: undefined, halfMade: true, inside };
  const rescue = await rescueTicket(part, risks, how);
  if (rescue === undefined) return [];
  Object.assign(work, savedBy(rescue));
  if (work.rescue && hasAll(work.rescue, rescue)) {
    // It is as it was brought back, and in that rescue still.
    for (const [, { path }] of ours) await dropRescue(path, rescue.ticket, rescue.time);
    return [];
  }
  if (rescue.quiet) await bestEffort(purgeQuiet(work.stack, part));
  const told = [...inside].flatMap(([repo, doubtful]) => describe(rescue, { repo, risks, doubtful }));
  if (told.length === 0 || !isWhole) return told;
  return [...told, `\`stack restore ${rescue.ticket} --time ${rescue.time}\` makes ${rescue.ticket} again with it`];
}

/** The worktrees that were finished: nobody has worked in one that git was ended at, and what is in its place may be another's. */
async function listOurs(work: Work, made: readonly string[]): Promise<[string, DedicatedRepo][]> {
  const repos = madeRepos(work.record).filter(([repo]) => made.includes(repo));
  const owners = await Promise.all(
    repos.map(async ([, { worktree }]) => {
      const entry = await readOwnEntry(worktree);
      return entry && (await readNotes(entry.folder)).owner;
    }),
  );
  return repos.filter((_, index) => owners[index] === ownerOf(work));
}

async function findWork({ stack, record }: Work, repo: string, own: DedicatedRepo): Promise<TicketRisk> {
  const owner = ownerOf({ stack, record });
  const findings = await findEveryRisk({ ...own, repoPath: own.path, since: record.createdAt, owner });
  const counts = findings.filter((finding) => !isOfSetup(finding) && !CHOICES.has(finding.kind));
  return { ticket: record.ticket, repo, findings: counts };
}

/** The ticket as it would be with the repos that go alone; the rest of it stays, and is not made again with what is saved. */
function partOf(record: InstanceRecord, going: ReadonlyMap<string, Doubtful>): InstanceRecord {
  const repos = Object.entries(record.repos).filter(([repo, { mode }]) => mode === 'shared' || going.has(repo));
  return { ...record, createdAt: new Date().toISOString(), repos: Object.fromEntries(repos) };
}

function hasAll(one: Rescue, other: Rescue): boolean {
  const list = ({ repos }: Rescue): string =>
    JSON.stringify(
      Object.entries(repos)
        .map(([repo, saved]) => {
          if (saved.mode === 'shared') return [repo];
          const { tip, head, files, staged, others, objects, submodules } = saved;
          return [repo, tip, head, files, staged, others, objects, submodules];
        })
        .sort(),
    );
  return list(one) === list(other);
}

/** Where a set-up may have written it all, a lockfile is not worth a word. */
function describe(
  rescue: Rescue,
  { repo, risks, doubtful }: { repo: string; risks: readonly TicketRisk[]; doubtful: Doubtful },
): string[] {
  const saved = rescue.repos[repo];
  if (saved?.mode !== 'dedicated' || saved.ref === undefined) return [];
  const isDoubtful = [...doubtful.files, ...doubtful.inRepos].some((file) => !isLockfile(file));
  if (rescue.quiet) {
    if (isDoubtful)
      return [`${repo}: what was written while its set-up ran is kept for 30 days: git show ${saved.ref}`];
    return saved.others ? [`${repo}: commits that were amended or taken back are kept for 30 days: ${saved.ref}`] : [];
  }
  const kinds = risks.flatMap((risk) => (risk.repo === repo ? risk.findings.map(({ kind }) => kind) : []));
  const what = [
    ...(isDoubtful || kinds.some((kind) => kind !== 'unpushed' && kind !== 'stashed') ? ['written'] : []),
    ...(kinds.includes('unpushed') ? ['committed'] : []),
  ].join(' and ');
  if (what === '') return [];
  return [`${repo}: what was ${what} meanwhile is saved: git branch ${rescue.ticket}-rescued ${saved.ref}`];
}
