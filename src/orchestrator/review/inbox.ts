import { readFileIfThere } from '../../adapters/files/files.ts';
import { listMergeConflicts } from '../../adapters/git/merge/merging.ts';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { parseJson } from '../../domain/json.ts';
import { notesFileOf, verifyResultOf } from '../../domain/layout.ts';
import { findLastNote } from '../../domain/note.ts';
import { isSeen, judgeStanding, type TicketOnBases, type TicketStanding } from '../../domain/standing.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { type Collisions, findCollisions } from './collisions.ts';
import { measure, measureSince, type SeenSize, type Size, sum, weigh } from './size.ts';
import { readStandings } from './standing.ts';
import { createFindBase, type RepoWork } from './work.ts';
import { readWorks } from './works.ts';

/** A ticket that waits for a person to read it. */
export interface ReadyTicket extends Size {
  ticket: string;
  repos: Record<string, Size>;
  checks: {
    /** How the command that verifies ended on just these commits; null where nobody has run it. */
    verify: 'passed' | null;
    /** True where nothing of its own is missing at a remote. */
    pushed: boolean;
    /** Commits of its bases that came since. */
    behind: number;
    /** Other tickets that it conflicts with. */
    conflicts: string[];
  };
  /** The last line of its notes. */
  note: string | null;
  /** What came since a person looked at its changes last; null where nobody has. */
  since: SeenSize | null;
}

/** What waits for a person. */
export interface Inbox {
  /** The smallest first. */
  ready: ReadyTicket[];
  /** The others, and what is in the way. */
  waiting: { ticket: string; reason: string }[];
  /** What could not be looked at, and why. */
  problems: string[];
}

/**
 * Returns which tickets are ready to be read: all committed, with work that is not merged, without a conflict with their bases, and not
 * failed in a verification. Of all tickets where none is named. Changes nothing. Throws `not-found`, `git`, `interrupted`.
 */
export async function readInbox(stack: Stack, tickets: readonly string[]): Promise<Inbox> {
  const [standings, state] = await Promise.all([readStandings(stack, tickets), stack.store.read()]);
  const judged = standings.map((standing) => ({ standing, reason: findReason(standing) }));
  const candidates = judged.filter(({ reason }) => reason === undefined).map(({ standing }) => standing);
  const { pairs, problems } = await listConflicts(stack, candidates);
  const read = await Promise.all(
    candidates.map((standing) => readCandidate(stack, requireInstance(state, standing.ticket), standing)),
  );
  const ready = read.flatMap((one) => ('reason' in one ? [] : [one]));
  for (const one of ready) {
    const own = pairs.filter(({ kind, tickets }) => kind === 'conflict' && tickets.includes(one.ticket));
    one.checks.conflicts = [...new Set(own.flatMap(({ tickets }) => tickets))].filter((name) => name !== one.ticket);
  }
  const reasons = new Map(
    [...judged.map(({ standing, reason }) => ({ ticket: standing.ticket, reason })), ...read].flatMap((one) =>
      'reason' in one && one.reason !== undefined ? [[one.ticket, one.reason] as const] : [],
    ),
  );
  return {
    ready: ready.sort((one, other) => weigh(one) - weigh(other) || one.files - other.files),
    waiting: standings.flatMap(({ ticket }) => {
      const reason = reasons.get(ticket);
      return reason === undefined ? [] : [{ ticket, reason }];
    }),
    problems: [...problems, ...read.flatMap((one) => ('problem' in one ? [one.problem] : []))],
  };
}

/** What could not be compared is told of, and the tickets are judged without it. */
async function listConflicts(
  stack: Stack,
  candidates: readonly TicketStanding[],
): Promise<Pick<Collisions, 'pairs' | 'problems'>> {
  const tickets = candidates.map(({ ticket }) => ticket);
  if (tickets.length === 0) return { pairs: [], problems: [] };
  try {
    return await findCollisions(stack, tickets);
  } catch (error) {
    const reason = requireReason(error);
    return { pairs: [], problems: [`whether tickets conflict with each other cannot be told: ${reason}`] };
  }
}

/** Returns why something could not be looked at. Throws what does not fail on purpose, and `interrupted`. */
function requireReason(error: unknown): string {
  if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
  return error.message;
}

/** Returns what is in the way of reading a ticket, as far as its standing tells. */
function findReason({ verdict, repos }: TicketStanding): string | undefined {
  if (verdict === 'creating' || verdict === 'destroying') return 'a command is at work on it';
  const found = judgeStanding(repos);
  const broken = Object.values(repos).flatMap((repo) => (isSeen(repo) ? [] : [repo.problem]));
  if (broken[0] !== undefined) return broken[0];
  const seen = Object.entries(repos).flatMap(([name, repo]) => (isSeen(repo) ? [[name, repo] as const] : []));
  const elsewhere = seen.flatMap(([name, { on, branch }]) =>
    on === branch ? [] : [`${name} is on ${on ?? 'no branch'}`],
  );
  if (found.conflicted.length > 0) return `files are in conflict (${found.conflicted.join(', ')})`;
  const doing = seen.flatMap(([name, { operation }]) =>
    operation === null ? [] : [`a ${operation} is under way (${name})`],
  );
  if (doing[0] !== undefined) return doing[0];
  if (found.dirty.length > 0) return `there is work that is not committed (${found.dirty.join(', ')})`;
  if (elsewhere[0] !== undefined) return elsewhere[0];
  if (found.merged.length > 0) return 'it is merged';
  return seen.some(([, { ahead, merged }]) => ahead > 0 && !merged) ? undefined : 'nothing is committed yet';
}

type NotReady = { ticket: string; reason: string };

/** One that cannot be looked at is in nobody's way. */
async function readCandidate(
  stack: Stack,
  record: InstanceRecord,
  standing: TicketStanding,
): Promise<ReadyTicket | NotReady | (NotReady & { problem: string })> {
  try {
    return await measureCandidate(stack, record, standing);
  } catch (error) {
    const [{ ticket }, reason] = [record, requireReason(error)];
    return { ticket, reason, problem: `${ticket}: ${reason}` };
  }
}

async function measureCandidate(
  stack: Stack,
  record: InstanceRecord,
  standing: TicketStanding,
): Promise<ReadyTicket | NotReady> {
  const { ticket } = record;
  const { works, problems } = await readWorks(stack, record, []);
  if (problems[0] !== undefined) return { ticket, reason: problems[0] };
  const found = Object.entries(works);
  const conflicts = await Promise.all(found.map(([repo, work]) => findBaseConflicts(stack, repo, work, standing)));
  const [first] = conflicts.flat();
  if (first !== undefined) return { ticket, reason: first };
  const verify = await readVerified(stack, works, standing);
  if (verify === 'failed') return { ticket, reason: 'the command that verifies it failed on these commits' };
  const sizes = await Promise.all(found.map(async ([repo, work]) => [repo, await measure(stack, work)] as const));
  const seen = Object.values(standing.repos).filter(isSeen);
  const notes = await ifAnswered(readFileIfThere(notesFileOf(record.folder)));
  return {
    ticket,
    ...sum(sizes.map(([, size]) => size)),
    repos: Object.fromEntries(sizes),
    checks: {
      verify,
      pushed: seen.every(({ pushed }) => pushed),
      behind: seen.reduce((all, { behind }) => all + behind, 0),
      conflicts: [],
    },
    note: findLastNote(notes ?? '') ?? null,
    since: await measureSince(stack, record, works),
  };
}

async function findBaseConflicts(
  { signal }: Stack,
  repo: string,
  { own, head }: RepoWork,
  { repos }: TicketStanding,
): Promise<string[]> {
  const standing = repos[repo];
  if (!standing || !isSeen(standing) || standing.ahead === 0 || standing.behind === 0) return [];
  const tip = await createFindBase(own.worktree, signal)(standing.base);
  if (tip === undefined) return [];
  const paths = await listMergeConflicts({ folder: own.worktree, signal }, [tip, head]).catch((error: unknown) => {
    const reason = requireReason(error);
    throw new StackError('git', `whether it conflicts with ${standing.base} cannot be told: ${reason}`, {
      cause: error,
    });
  });
  return paths.length === 0
    ? []
    : [`it conflicts with ${standing.base}: ${paths.map((path) => `${repo}/${path}`).join(', ')}`];
}

/** What was found out about other commits than these, or on top of others than their bases are at, says nothing of them. */
async function readVerified(
  { root, signal }: Stack,
  works: Readonly<Record<string, RepoWork>>,
  { ticket, repos }: TicketStanding,
): Promise<'passed' | 'failed' | null> {
  const text = await ifAnswered(readFileIfThere(verifyResultOf(root, ticket)));
  const found = parseJson(text ?? '{}') as (Partial<TicketOnBases> & { exitCode?: number }) | undefined;
  const isAbout = await Promise.all(
    Object.entries(works).map(async ([repo, { own, head }]) => {
      const tip = await createFindBase(own.worktree, signal)(repos[repo]?.base ?? '');
      return found?.heads?.[repo] === head && tip !== undefined && found.bases?.[repo] === tip;
    }),
  );
  if (!found || isAbout.includes(false)) return null;
  return found.exitCode === 0 ? 'passed' : 'failed';
}
