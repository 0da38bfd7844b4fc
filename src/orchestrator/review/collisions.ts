import { existsSync } from 'node:fs';
import path from 'node:path';
import { requireMerging } from '../../adapters/git/merge/merging.ts';
import { openResultCache, type ResultCache } from '../../adapters/state/result-cache.ts';
import { COLLISION_KINDS, type CollisionKind } from '../../domain/collision.ts';
import type { RepoConfig } from '../../domain/config/config.ts';
import { ifAnswered, messageOf, StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord, listWorkedOn } from '../../domain/instance.ts';
import { collisionsFileOf } from '../../domain/layout.ts';
import { requireInstances } from '../core/claim.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { type Contracts, judgePairs } from './pairs.ts';
import { createFindBase, readWork } from './work.ts';

/** How two tickets are in each other's way in one repo, in one respect. */
export interface CollidingPair {
  tickets: [string, string];
  repo: string;
  kind: CollisionKind;
  paths: string[];
  /** What is to be said of some of the paths: `modify/delete`, `same number: 4`, `near each other: …`. */
  notes: Record<string, string>;
}

/** How the tickets of a stack collide. */
export interface Collisions {
  /** Those that were compared. */
  tickets: string[];
  pairs: CollidingPair[];
  /** What could not be looked at, and why: of it nothing is known. */
  problems: string[];
  /** The same, problem by problem. */
  unseen: Unseen[];
}

/** Tickets of which nothing is known in a repo: of one alone how it collides with any other, of several how each two of them do. */
interface Unseen {
  tickets: string[];
  repo: string;
}

interface Copy {
  ticket: string;
  own: DedicatedRepo;
}

/**
 * Compares what tickets have done since their bases, what is not committed too, repo by repo; with `about` only pairs that have one of
 * these tickets in them. No index, ref, file or setting changes, and no program of a repo runs. Throws `not-found`, `git` (older than
 * 2.38 too), `files`, `interrupted`.
 */
export async function findCollisions(stack: Stack, about: readonly string[] = []): Promise<Collisions> {
  const state = await stack.store.read();
  const wanted = new Set(requireInstances(state, about).map(({ ticket }) => ticket));
  // What verifies a merge has the work of others.
  const records = listWorkedOn(state).filter(({ phase }) => phase === 'ready');
  const [config, cache] = await Promise.all([
    configIfReadable(stack),
    openResultCache(collisionsFileOf(stack.root)),
    requireMerging(),
  ]);
  const found = await Promise.all(
    [...groupByRepo(records)].map(([repo, copies]) =>
      compareInRepo(stack, { repo, copies, wanted, cache, settings: config?.repos[repo] }),
    ),
  );
  await cache.save();
  const tickets = records.map(({ ticket }) => ticket);
  return {
    tickets,
    pairs: found.flatMap(({ pairs }) => pairs).sort((one, other) => rank(one, tickets) - rank(other, tickets)),
    problems: found.flatMap(({ problems }) => problems.map(({ text }) => text)),
    unseen: found.flatMap(({ problems }) => problems.map(({ about, repo }) => ({ tickets: about, repo }))),
  };
}

/** True where something between the two tickets could not be looked at. */
export function isUnseen({ unseen }: Collisions, both: readonly string[]): boolean {
  return unseen.some(({ tickets }) => {
    const known = tickets.filter((ticket) => both.includes(ticket));
    return known.length === Math.min(tickets.length, 2);
  });
}

/** By ticket, and within two tickets the gravest first. */
function rank({ tickets: [one, other], kind }: CollidingPair, tickets: readonly string[]): number {
  const place = tickets.indexOf(one) * tickets.length + tickets.indexOf(other);
  return place * COLLISION_KINDS.length + COLLISION_KINDS.indexOf(kind);
}

function groupByRepo(records: readonly InstanceRecord[]): Map<string, Copy[]> {
  const groups = new Map<string, Copy[]>();
  for (const record of records) {
    for (const [repo, own] of dedicatedRepos(record))
      groups.set(repo, [...(groups.get(repo) ?? []), { ticket: record.ticket, own }]);
  }
  return groups;
}

interface Problem {
  about: string[];
  repo: string;
  text: string;
}

interface RepoQuestion {
  repo: string;
  copies: readonly Copy[];
  wanted: ReadonlySet<string>;
  cache: ResultCache;
  settings: RepoConfig | undefined;
}

async function compareInRepo(
  stack: Stack,
  { repo, copies, wanted, cache, settings }: RepoQuestion,
): Promise<{ pairs: CollidingPair[]; problems: Problem[] }> {
  const isAsked = (...tickets: string[]): boolean => wanted.size === 0 || tickets.some((ticket) => wanted.has(ticket));
  if (copies.length < 2 || !isAsked(...copies.map(({ ticket }) => ticket))) return { pairs: [], problems: [] };
  const place = findPlace(copies);
  const findBase = createFindBase(place.folder, stack.signal);
  const looked = await Promise.all(
    copies.map(({ ticket, own }) => {
      const reading = readWork({ ticket, own, repoBase: settings?.base }, { cache, findBase, signal: stack.signal });
      return ifSeen(reading, (reason) => ({ about: [ticket], repo, text: `${ticket}: ${repo}: ${reason}` }));
    }),
  );
  const works = looked.flatMap(({ seen }) => seen ?? []);
  for (const {
    ticket,
    uncommitted: { leftOut },
  } of works) {
    if (leftOut > 0 && isAsked(ticket))
      stack.emit({
        type: 'warning',
        text: `${ticket}: ${repo} has ${leftOut} files that git neither knows nor ignores; conflicts does not look at so many, or so large ones`,
      });
  }
  // Who has done nothing is in nobody's way.
  const busy = works.filter(({ head, base, uncommitted }) => head !== base || uncommitted.signature !== '');
  const asked = busy.flatMap((one, index) =>
    busy.slice(index + 1).flatMap((other) => (isAsked(one.ticket, other.ticket) ? [[one, other] as const] : [])),
  );
  const contracts = await readContracts(settings?.contracts ?? []);
  const judging = judgePairs({ ...place, signal: stack.signal }, asked, { cache, contracts });
  const all = busy.map(({ ticket }) => ticket);
  const judged = await ifSeen(judging, (reason) => ({ about: all, repo, text: `${repo}: ${reason}` }));
  const pairs = judged.seen ?? [];
  const failures = pairs.flatMap(({ one, other, failed }): Problem[] => {
    const text = `${one.ticket} and ${other.ticket}: ${repo}: git cannot merge them: ${failed}`;
    return failed === undefined ? [] : [{ about: [one.ticket, other.ticket], repo, text }];
  });
  const found = pairs.flatMap(({ one, other, collisions }) =>
    collisions.map((collision): CollidingPair => ({ tickets: [one.ticket, other.ticket], repo, ...collision })),
  );
  const problems = [...looked, judged].flatMap(({ problem }) => problem ?? []);
  return { pairs: found, problems: [...problems, ...failures] };
}

/** Returns what a look brings, or what there is to be told where it fails on purpose. */
async function ifSeen<Result>(
  look: Promise<Result>,
  describe: (reason: string) => Problem,
): Promise<{ seen?: Result; problem?: Problem | undefined }> {
  let problem: Problem | undefined;
  const seen = await ifAnswered(
    look.catch((error: unknown) => {
      if (error instanceof StackError && error.code !== 'interrupted') problem = describe(messageOf(error));
      throw error;
    }),
  );
  return seen === undefined ? { problem } : { seen };
}

/** The main checkout says how files are merged; it may be gone, and the worktrees not. */
function findPlace(copies: readonly Copy[]): { folder: string; attributesOf?: string } {
  const folders = copies.flatMap(({ own }) => [own.path, own.worktree]);
  const folder = folders.find((one) => existsSync(path.join(one, '.git'))) ?? folders[0] ?? '';
  return { folder };
}

/** Loaded where there are some alone. */
async function readContracts(patterns: readonly string[]): Promise<Contracts> {
  if (patterns.length === 0) return { patterns, tests: [] };
  const { default: picomatch } = await import('picomatch');
  return { patterns, tests: patterns.map((pattern) => picomatch(pattern, { dot: true })) };
}
