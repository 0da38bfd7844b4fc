import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { findEveryRisk } from '../../adapters/git/risk/every-risk.ts';
import { findUnreachableCommits, type RiskFinding } from '../../adapters/git/risk/risk.ts';
import { isUnseen, seenOr } from '../../adapters/process/ask-tool.ts';
import { type GroupIdentity, isSeenAlive } from '../../adapters/process/group.ts';
import { type InsideProcess, listInside } from '../../adapters/process/inside.ts';
import { listRecords } from '../../adapters/process/record.ts';
import { listRuns } from '../../adapters/process/run-record.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, madeRepos } from '../../domain/instance.ts';
import { agentsMarker } from '../../domain/names.ts';
import { isWithin } from '../../domain/within.ts';
import type { Stack } from '../core/stack.ts';
import { ownerOf } from '../core/work.ts';
import { findBeside, type TicketFolder } from './beside.ts';

/** What was told to end a moment ago, as by a second Ctrl-C, needs another to be gone. */
const LEAVE_MS = 1000;
const POLL_MS = 50;

/** What speaks against destroying a ticket, in one of its repos. */
export interface TicketRisk {
  ticket: string;
  /** Undefined for what is in the ticket's folder and in none of its repos. */
  repo: string | undefined;
  findings: RiskFinding[];
}

/**
 * Looks in all repos of a ticket, side by side, for work that nobody else has, for what people did with its worktrees, and
 * for processes that work in there. Branches of tickets that are `going` too keep nothing safe. Changes nothing.
 */
export async function findRisks(
  stack: Stack,
  record: InstanceRecord,
  options: { keepBranch: boolean; going?: readonly InstanceRecord[] },
): Promise<TicketRisk[]> {
  const { ticket, createdAt: since } = record;
  const repos = madeRepos(record);
  const [inRepos, { inside, unseen }, beside] = await Promise.all([
    Promise.all(
      repos.map(async ([repo, own]): Promise<TicketRisk> => {
        const ownsBranch = own.ownsBranch && !options.keepBranch;
        const findings = await findEveryRisk({
          ...own,
          repoPath: own.path,
          ownsBranch,
          since,
          alsoGoing: listBranches(options.going ?? [], own.gitCommonDir),
          owner: ownerOf({ stack, record }),
        });
        return {
          ticket,
          repo,
          findings: findings.filter((finding) => record.phase !== 'creating' || !isOfSetup(finding)),
        };
      }),
    ),
    lookForOccupants(stack, record),
    findBeside(folderOf(record)),
  ]);
  const worktrees = new Map(repos.map(([repo, { worktree }]) => [repo, worktree]));
  const all = [...inRepos, { ticket, repo: undefined, findings: [...beside, ...unseen] }].map((risk): TicketRisk => {
    const there = inside.filter(({ cwd }) => risk.repo === [...worktrees].find(([, at]) => isWithin(cwd, at))?.[0]);
    return { ...risk, findings: [...risk.findings, ...describeOccupants(there)] };
  });
  return all.filter(({ findings }) => findings.length > 0);
}

/** True for what a set-up may have left that was ended before it was noted; commits in another repo are somebody's work. */
export function isOfSetup({ kind, commits = [] }: RiskFinding): boolean {
  return kind === 'ignored' || (kind === 'nested' && commits.length === 0);
}

/** Looks once more for commits that nobody else has, now that other branches than before may be going. Changes nothing. */
export async function findUnreachable(
  record: InstanceRecord,
  { keepBranch, going }: { keepBranch: boolean; going: readonly InstanceRecord[] },
): Promise<TicketRisk[]> {
  const risks = await Promise.all(
    madeRepos(record).map(async ([repo, own]): Promise<TicketRisk> => {
      const ownsBranch = own.ownsBranch && !keepBranch;
      const alsoGoing = listBranches(going, own.gitCommonDir);
      const findings = await findUnreachableCommits({ ...own, repoPath: own.path, ownsBranch, alsoGoing });
      return { ticket: record.ticket, repo, findings };
    }),
  );
  return risks.filter(({ findings }) => findings.length > 0);
}

/** Returns the branches of some tickets in one repo that go with them. */
function listBranches(records: readonly InstanceRecord[], gitCommonDir: string): string[] {
  return records.flatMap((record) =>
    dedicatedRepos(record).flatMap(([, own]) =>
      own.ownsBranch && own.gitCommonDir === gitCommonDir ? [own.branch] : [],
    ),
  );
}

/** Who works in a ticket's folders; that nobody could look is a finding. */
async function lookForOccupants(
  stack: Stack,
  record: InstanceRecord,
): Promise<{ inside: InsideProcess[]; unseen: RiskFinding[] }> {
  try {
    return { inside: await listOccupants(stack, record), unseen: [] };
  } catch (error) {
    if (!isUnseen(error)) throw error;
    const mayRun = await mayRunUnseen(stack, record);
    const text = `${error.message} (${error.hint})`;
    return { inside: [], unseen: [{ kind: 'unseen', text, ...(mayRun && { mayRun }) }] };
  }
}

/** True where nobody can look whether what was started for a ticket still runs. */
async function mayRunUnseen(stack: Stack, record: InstanceRecord): Promise<boolean> {
  const looks = await Promise.allSettled((await listStartedFor(stack, record)).map(isSeenAlive));
  return looks.some((look) => look.status === 'rejected' && isUnseen(look.reason));
}

/** What was started for a ticket, services and commands of its own, as far as it has not been seen to end. */
async function listStartedFor(stack: Stack, { ticket }: InstanceRecord): Promise<GroupIdentity[]> {
  return (await Promise.all([listRecords(stack.root, ticket), listRuns(stack.root, ticket)])).flat();
}

/** Returns who works in the folders of a ticket: not in worktrees that somebody else made, since these stay. Leaves out its services, set-ups and agents, this command and what has led to it. Throws `unseen`. */
async function listOccupants(stack: Stack, record: InstanceRecord): Promise<InsideProcess[]> {
  return listAtWork(stack, record, record.folder);
}

/** Returns who works in the folders of a ticket or in any of its worktrees, as `listOccupants` does. Throws `unseen`. */
export async function listUsers(stack: Stack, record: InstanceRecord): Promise<InsideProcess[]> {
  const adopted = dedicatedRepos(record).flatMap(([, own]) => (own.adopted ? [own.worktree] : []));
  const found = await Promise.all([record.folder, ...adopted].map((folder) => listAtWork(stack, record, folder)));
  return found.flat();
}

async function listAtWork(stack: Stack, record: InstanceRecord, at: string): Promise<InsideProcess[]> {
  const folder = await ifThere(realpath(at));
  if (folder === undefined) return [];
  // Of what cannot be seen it is not known whether it would end; the number of what has ended may be a person's by now.
  const noted = await listStartedFor(stack, record);
  const alive = await Promise.all(noted.map(isSeenAlive));
  const groups = noted.flatMap(({ pid }, index) => (alive[index] ? [pid] : []));
  const names = Object.values(record.services).map(({ workload }) => workload);
  const setups = dedicatedRepos(record).map(([repo]) => `${record.ticket}-${repo}-setup`);
  // Agents are told of by themselves, and end with the ticket.
  const agents = agentsMarker(stack.rootId, record.ticket);
  const found = await listInside(folder, { names: [...names, ...setups, agents], groups });
  // The record names the folder as it was found, links and all.
  return found.map((one) => ({ ...one, cwd: path.join(at, path.relative(folder, one.cwd)) }));
}

function describeOccupants(inside: readonly InsideProcess[]): RiskFinding[] {
  return inside.length === 0 ? [] : [{ kind: 'occupied', text: `still at work in there: ${nameOccupants(inside)}` }];
}

function nameOccupants(inside: readonly InsideProcess[]): string {
  const shown = inside.slice(0, 4).map(({ name, pid }) => `${name} (pid ${pid})`);
  return `${shown.join(', ')}${inside.length > shown.length ? ', …' : ''}`;
}

/**
 * Throws `leftover` while a program works in a ticket's folders although its services are at rest: a daemon that left its
 * session and environment, or a person's own. What it writes after the last look would be lost, so `--force` waits for it too.
 * `blind` is true once a person has said to go on where nobody can look; else that throws `unseen`.
 */
export async function requireNobodyInside(
  stack: Stack,
  record: InstanceRecord,
  { blind }: { blind: boolean },
): Promise<void> {
  const deadline = performance.now() + LEAVE_MS;
  const look = async (): Promise<InsideProcess[]> => {
    const inside = listOccupants(stack, record);
    return blind ? seenOr([], inside) : inside;
  };
  let inside = await look();
  while (inside.length > 0 && performance.now() < deadline) {
    await delay(POLL_MS);
    inside = await look();
  }
  if (inside.length === 0) return;
  const pids = inside.map(({ pid }) => pid);
  throw new StackError('leftover', `${record.ticket}: still at work in its folders: ${nameOccupants(inside)}`, {
    hint: `\`kill ${pids.join(' ')}\`, or let it leave the folder; then run this again`,
    details: { ticket: record.ticket, pids },
  });
}

/** Returns a ticket's folder, with what in it is a worktree. */
export function folderOf(record: InstanceRecord): TicketFolder {
  const worktrees = dedicatedRepos(record).map(([, repo]) => path.relative(record.folder, repo.worktree));
  return { folder: record.folder, worktrees, made: record.beside, documents: record.documents };
}

/** Returns the refusal: a list per repo, and what to type. `dirty`, `unpushed`, or `conflict` when no work would be lost. */
export function riskError(risks: readonly TicketRisk[]): StackError {
  const tickets = [...new Set(risks.map((risk) => risk.ticket))];
  const kinds = new Set(risks.flatMap(({ findings }) => findings.map(({ kind }) => kind)));
  const onlyChoices = [...kinds].every((kind) => CHOICES.has(kind));
  const onlyCommits = !onlyChoices && [...kinds].every((kind) => kind === 'unpushed');
  const isMaybe = kinds.size === 1 && kinds.has('unseen');
  const what = isMaybe ? 'may get in somebody’s way' : onlyChoices ? 'would get in somebody’s way' : 'would lose work';
  const hint = isUnsavable(risks)
    ? HANDS_ON
    : advise(`stack destroy ${tickets.join(' ')}`, {
        isOccupied: kinds.has('occupied'),
        isAgent: kinds.has('agent'),
        isUnseen: kinds.has('unseen'),
        mayRun: risks.some(({ findings }) => findings.some(({ mayRun }) => mayRun)),
        onlyChoices,
        onlyCommits,
        onlyBeside: risks.every(({ repo }) => repo === undefined),
      });
  return new StackError(
    onlyChoices ? 'conflict' : onlyCommits ? 'unpushed' : 'dirty',
    `destroying ${tickets.join(', ')} ${what}`,
    { hint, lines: listRisks(risks), details: risks },
  );
}

/** Throws `dirty` for what not even `--force` can save: it stays, and the ticket with it. */
export function requireSavable(risks: readonly TicketRisk[]): void {
  const stays = risks.flatMap((risk) => {
    const findings = risk.findings.filter(({ kind }) => UNSAVABLE.has(kind));
    return findings.length > 0 ? [{ ...risk, findings }] : [];
  });
  if (stays.length === 0) return;
  const tickets = [...new Set(stays.map(({ ticket }) => ticket))].join(', ');
  throw new StackError('dirty', `${tickets} stays: it holds what cannot be saved`, {
    hint: HANDS_ON,
    lines: listRisks(stays),
    details: stays,
  });
}

type Refused = Record<
  'isOccupied' | 'isAgent' | 'isUnseen' | 'mayRun' | 'onlyChoices' | 'onlyCommits' | 'onlyBeside',
  boolean
>;

function advise(
  destroy: string,
  { isOccupied, isAgent, isUnseen, mayRun, onlyChoices, onlyCommits, onlyBeside }: Refused,
): string {
  if (mayRun) return 'let that be seen first: `--force` does not go on while something may run that nobody can look at';
  if (onlyChoices && isOccupied)
    return 'end it, or let it leave the folder: `--force` does not go on while it is there';
  if (onlyChoices && isAgent) return `let it finish, or \`${destroy} --force\`, which ends it`;
  if (onlyChoices && isUnseen)
    return `let that be seen, so that nobody’s work is lost; \`${destroy} --force\` goes on without`;
  if (onlyChoices) return `undo that first; \`${destroy} --force\` goes on regardless`;
  if (onlyCommits)
    return `push or merge it, or \`${destroy} --keep-branch\`; \`${destroy} --force\` saves it first, and \`stack restore\` brings it back`;
  return `${onlyBeside ? 'move it elsewhere' : 'commit and push it'}; \`${destroy} --force\` saves it first, and \`stack restore\` brings it back`;
}

function isUnsavable(risks: readonly TicketRisk[]): boolean {
  return risks.some(({ findings }) => findings.some(({ kind }) => UNSAVABLE.has(kind)));
}

/** Returns the lines that tell a person of risks: a list per repo. */
export function listRisks(risks: readonly TicketRisk[]): string[] {
  return risks.flatMap(({ ticket, repo, findings }) => [
    `${ticket}${repo === undefined ? '' : ` ${repo}`}:`,
    ...findings.map((finding) => `  ${finding.text}`),
  ]);
}

/** Kinds of findings that tell of no work. */
export const CHOICES = new Set<RiskFinding['kind']>([
  'moved',
  'locked',
  'switched',
  'elsewhere',
  'occupied',
  'agent',
  'unseen',
]);

/** Kinds of findings that no rescue can hold. */
const UNSAVABLE = new Set<RiskFinding['kind']>(['nested', 'closed']);
const HANDS_ON =
  'open it, move it out of the ticket, or delete it, then run the command again: `--force` cannot save it either';
