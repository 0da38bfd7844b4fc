import { randomBytes } from 'node:crypto';
import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { lstat, readdir, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { StackError, throwIfAborted } from '../domain/errors.ts';
import { parseFields } from '../domain/json.ts';
import { explainFileError, ifReadableNow, ifThere } from './files/file-errors.ts';
import { pause } from './pause.ts';
import { type GroupIdentity, isGroupAlive } from './process/group.ts';
import { identifyProcess, isAlive, type ProcessIdentity, selfIdentity } from './process/identity.ts';

export interface LockOptions {
  /** Ends the waiting, never the work. */
  signal?: AbortSignal | undefined;
  /** How long to wait for another process that holds it; default 30. */
  waitSeconds?: number | undefined;
  /** Told once, when another process holds the lock: `process 123`. */
  onWait?: ((holder: string) => void) | undefined;
}

/** The lock while it is held. */
export interface HeldLock {
  /**
   * Names a child process that works under the lock: should this process be killed, the lock holds until the child has ended, and all
   * of its group where it leads one. Returns what takes that back.
   */
  addHelper(helper: Omit<GroupIdentity, 'startTime'>): () => void;
}

interface Claim extends ProcessIdentity {
  /** New for every claim, never used again. */
  token: string;
  /** Which processes the number counts among; containers have numbers of their own. */
  space: string;
  /** Unix milliseconds. */
  at: number;
  helpers: GroupIdentity[];
}

const DEFAULT_WAIT_SECONDS = 30;
/** What macOS takes for the target of a link, in bytes (PATH_MAX); Linux takes more. */
const LONGEST_TARGET = 1023;
/** Longer than a holder lives without saying so; only for holders that cannot be looked at from here. */
const UNSEEN_HOLDER_MS = 15 * 60_000;
const RENEW_MS = 3 * 60_000;

/**
 * Runs `work` while no other process, on this machine, holds the lock at `file`. A holder that was killed loses it; a
 * living one never does, however long it takes. Those of this process who want it come one after the other, however long that
 * takes: the work under a lock must not want the same one. Throws `busy` (saying who holds it), `interrupted`, `files`.
 *
 * The lock is a symbolic link with the claim for its target: it comes into being whole or not at all, in one call, so a
 * kill at any moment leaves no half-written file.
 */
export async function withLock<Result>(
  file: string,
  work: (held: HeldLock) => Result | Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  return inTurn(file, options.signal, async () => {
    const claim = makeClaim();
    await acquire(file, claim, options);
    const renewing = setInterval(() => renew(file, claim), RENEW_MS).unref();
    try {
      return await work({
        addHelper(group) {
          const helper = { ...group, ...identifyProcess(group.pid) };
          claim.helpers.push(helper);
          replaceNow(file, claim);
          return () => {
            claim.helpers.splice(claim.helpers.indexOf(helper), 1);
            try {
              replaceNow(file, claim);
            } catch {
              // One that has ended keeps the lock from nobody.
            }
          };
        },
      });
    } finally {
      clearInterval(renewing);
      await release(file, claim);
    }
  });
}

/** Says to those who cannot look at this process that it lives. Without a wait, so that nobody takes the lock between look and write. */
function renew(file: string, claim: Claim): void {
  const text = ifReadableNow(() => readlinkSync(file)) ?? '';
  if (parseFields<Claim>(text).token !== claim.token) return;
  claim.at = Date.now();
  try {
    replaceNow(file, claim);
  } catch {
    // The next time, or whoever waits takes it for left.
  }
}

/** By a lock's file: done once all of this process who wanted it so far have let go. */
const turns = new Map<string, Promise<unknown>>();

async function inTurn<Result>(
  file: string,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  const former = turns.get(file);
  let leave = (): void => undefined;
  const own = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const turn = Promise.all([former, own]);
  turns.set(file, turn);
  try {
    if (former) await orAborted(former, signal);
    return await work();
  } finally {
    leave();
    void turn.then(() => turns.get(file) === turn && turns.delete(file));
  }
}

/** Throws `interrupted`. */
async function orAborted(former: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  let leave = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    leave = resolve;
  });
  signal?.addEventListener('abort', leave, { once: true });
  await Promise.race([former, aborted]);
  signal?.removeEventListener('abort', leave);
  throwIfAborted(signal);
}

/** Claims of this process that are done with although their locks could not be deleted. */
const released = new Set<string>();

/** What was done under a lock is done: one that cannot be deleted is no reason to fail, and goes to whoever wants it next. */
async function release(file: string, { token }: Claim): Promise<void> {
  if ((await readClaim(file))?.token !== token) return;
  await rm(file, { force: true }).catch(() => released.add(token));
}

/**
 * Says what a lock is without taking it: `left` by a holder that is dead; `strange`: something that is no lock is in its place,
 * or one whose holder nobody here can judge, so that it is never taken over.
 */
export async function inspectLock(file: string): Promise<'none' | 'held' | 'left' | 'strange'> {
  const claim = await readClaim(file);
  if (claim === undefined) return 'none';
  if (claim.token === '') return 'strange';
  return (await isHeld(claim)) ? 'held' : 'left';
}

/** Returns the number of the other living process that holds a lock; undefined where this one does, its holder was killed, or there is none. */
export async function findOtherHolder(file: string): Promise<number | undefined> {
  const claim = await readClaim(file);
  if (!claim || claim.token === '') return undefined;
  // A process of a container may have the same number.
  const { pid, startTime } = selfIdentity();
  if (claim.space === processSpace() && claim.pid === pid && claim.startTime === startTime) return undefined;
  const lives = claim.space === processSpace() ? isAlive(claim) : isHeld(claim);
  return (await lives) ? claim.pid : undefined;
}

/** Returns the processes that still work under a lock whose holder was killed; [] where that one lives, or nobody holds it. */
export async function listLeftHelpers(file: string): Promise<GroupIdentity[]> {
  const claim = await readClaim(file);
  if (!claim || claim.token === '' || claim.space !== processSpace() || (await isAlive(claim))) return [];
  const alive = await Promise.all(claim.helpers.map(isAtWork));
  return claim.helpers.filter((_, index) => alive[index]);
}

async function acquire(file: string, claim: Claim, options: LockOptions): Promise<void> {
  throwIfAborted(options.signal);
  const { signal, waitSeconds = DEFAULT_WAIT_SECONDS } = options;
  const deadline = performance.now() + waitSeconds * 1000;
  let told = false;
  while (!(await place(file, claim))) {
    throwIfAborted(signal);
    const holder = await readClaim(file);
    if (holder === undefined) continue;
    if (holder.token === '') await requireLink(file);
    if (!(await isHeld(holder)) && (await takeOver(file, holder, claim))) return;
    if (performance.now() > deadline) throw await busyError(file, holder);
    if (!told) options.onWait?.(describeHolder(holder));
    told = true;
    await pause(5 + Math.random() * 45, signal);
  }
}

/** A lock is a link: nobody who holds one is behind a file, a folder or a pipe in its place. */
async function requireLink(file: string): Promise<void> {
  const found = await ifThere(lstat(file));
  if (!found || found.isSymbolicLink()) return;
  throw new StackError('busy', `${file} stands in the place of a lock, and is none`, {
    hint: `delete ${file}, or move it out of the way`,
    details: { file },
  });
}

/** True when the lock is now ours; false when somebody has it. */
async function place(file: string, claim: Claim): Promise<boolean> {
  try {
    await symlink(targetOf(claim), file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'ENOENT') throw explainFileError(error, `lock ${file}`);
    throw new StackError('files', `cannot lock ${file}: its folder is gone`, { cause: error });
  }
}

/**
 * Takes a dead holder's lock. Whoever wants it must first hold the guard named after the dead claim, then look again:
 * with the guard held and the dead claim still there, nobody else may touch the lock. A guard left by one more that was
 * killed is taken over the same way.
 */
async function takeOver(file: string, dead: Claim, claim: Claim): Promise<boolean> {
  const guard = `${file}.${dead.token}`;
  const guardClaim = makeClaim();
  if (!(await place(guard, guardClaim))) {
    const other = await readClaim(guard);
    if (!other || (await isHeld(other)) || !(await takeOver(guard, other, guardClaim))) return false;
  }
  try {
    if ((await readClaim(file))?.token !== dead.token) return false;
    replaceNow(file, claim);
    await sweep(file, guard);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

/** Guards of claims that are gone for good, left by takers that were killed. Call it with the lock held. */
async function sweep(file: string, guard: string): Promise<void> {
  const folder = path.dirname(file);
  const left = (await readdir(folder)).filter((name) => name.startsWith(`${path.basename(file)}.`));
  await Promise.all(
    left.filter((name) => name !== path.basename(guard)).map((name) => rm(path.join(folder, name), { force: true })),
  );
}

function replaceNow(file: string, claim: Claim): void {
  const next = `${file}.${claim.token}.new`;
  try {
    symlinkSync(targetOf(claim), next);
    renameSync(next, file);
  } catch (error) {
    ifReadableNow(() => rmSync(next, { force: true }));
    throw explainFileError(error, `lock ${file}`);
  }
}

/** Folders of helpers go where the whole is too long: with its leader dead a group is then not known any more where they tell it. */
function targetOf(claim: Claim): string {
  const whole = JSON.stringify(claim);
  if (Buffer.byteLength(whole) <= LONGEST_TARGET) return whole;
  return JSON.stringify({ ...claim, helpers: claim.helpers.map(({ cwd: _, ...helper }) => helper) });
}

/** Undefined when there is no lock; a claim that can never be judged when something else is in its place. */
async function readClaim(file: string): Promise<Claim | undefined> {
  let text: string;
  try {
    text = await readlink(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return foreignClaim();
  }
  return { ...foreignClaim(), ...parseFields<Claim>(text) };
}

function foreignClaim(): Claim {
  return { token: '', pid: 0, startTime: '', space: 'unknown', at: Number.POSITIVE_INFINITY, helpers: [] };
}

async function isHeld(claim: Claim): Promise<boolean> {
  if (released.has(claim.token)) return false;
  if (claim.space !== processSpace()) return Date.now() - claim.at < UNSEEN_HOLDER_MS;
  if (await isAlive(claim)) return true;
  for (const helper of claim.helpers) {
    if (await isAtWork(helper)) return true;
  }
  return false;
}

/** A hook may outlive the git that runs it. */
async function isAtWork(helper: GroupIdentity): Promise<boolean> {
  return (await isAlive(helper)) || (await isGroupAlive(helper));
}

function makeClaim(): Claim {
  const token = randomBytes(8).toString('hex');
  return { ...selfIdentity(), token, space: processSpace(), at: Date.now(), helpers: [] };
}

/** The pid namespace on Linux: a number from inside a container says nothing outside of it. */
function processSpace(): string {
  return ifReadableNow(() => readlinkSync('/proc/self/ns/pid')) ?? '';
}

function describeHolder({ pid }: ProcessIdentity): string {
  return pid === 0 ? 'another process' : `process ${pid}`;
}

async function busyError(file: string, holder: Claim): Promise<StackError> {
  const known = holder.space === processSpace() ? [holder, ...holder.helpers] : [];
  const answers = await Promise.all(known.map((one) => ('name' in one ? isAtWork(one) : isAlive(one))));
  const living = known.find((_, index) => answers[index]);
  return new StackError('busy', `${describeHolder(living ?? holder)} holds the lock ${file}`, {
    hint: living
      ? 'wait until it is done, or end it, then run the command again'
      : `when no command of stack runs any more, delete ${file}`,
    details: { file, pid: (living ?? holder).pid },
  });
}
