import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { makeFolder, replaceFile } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import { logFilesOf } from '../../adapters/process/log-files.ts';
import { openLogWriter } from '../../adapters/process/logs.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { verifyLogOf, verifyResultOf } from '../../domain/layout.ts';
import { DEFAULT_LOG_BYTES, HOST_RUNTIME } from '../../domain/runtime.ts';
import type { TicketOnBases } from '../../domain/standing.ts';
import { listLeftVerifications } from '../core/claim.ts';
import { withChangeLock } from '../core/journal.ts';
import { undoing, withLeftovers } from '../core/leftover.ts';
import type { Stack } from '../core/stack.ts';
import { createInstance } from '../lifecycle/create.ts';
import { unmakeVerification } from '../lifecycle/destroy.ts';

/** What is verified, and how. */
export interface Verification {
  /** The ticket that it is about: its name is in that of the environment, and its folder of logs has the log. */
  ticket: string;
  /** Full ids of the commits, by repo. */
  commits: Record<string, string>;
  /** A shell line; run once, in the folder that holds the repos. */
  line: string;
  /** Shared services of which it gets one of its own. */
  own: readonly string[];
  /** True: its services run. */
  start: boolean;
  /** What it was merged of, where that is the ticket alone on its bases: how it ends is noted of the ticket then. */
  alone: TicketOnBases | undefined;
}

/** How a verification went. */
export interface Verified {
  command: string;
  exitCode: number;
  /** How long the command took, in milliseconds. */
  ms: number;
  /** The file that has all of its output, and the last lines of it. */
  log: string;
  lines: string[];
}

const SHOWN_LINES = 20;
const NAME_LENGTH = 40;

/**
 * Makes a ticket of some commits, runs a command in its folder, and takes all of it apart again, whatever happens. What an earlier one
 * that was killed left goes first. Returns how the command ended. Throws what `create` and `destroy` throw, `process`, `interrupted`;
 * `leftover` with the first error as its headline where what had failed could not be taken apart either.
 */
export async function verifyCommits(stack: Stack, wanted: Verification): Promise<Verified> {
  const name = `verify-${wanted.ticket.slice(0, NAME_LENGTH).replace(/[^A-Za-z0-9]+$/, '')}`;
  // Also after Ctrl-C.
  const takeApart = () => unmakeVerification({ ...stack, signal: new AbortController().signal }, name, wanted.ticket);
  return withChangeLock(stack, name, async () => {
    await unmakeVerification(stack, name, wanted.ticket);
    let verified: Verified;
    try {
      verified = await tryCommits(stack, name, wanted);
    } catch (error) {
      const left = await takeApart().then(
        () => [],
        (second: unknown) => [{ name, error: second }],
      );
      // What could not be made may have said so itself.
      const isTold = error instanceof StackError && error.code === 'leftover';
      throw left.length > 0 && !isTold ? withLeftovers(error as Error, left, undoing(name)) : error;
    }
    await takeApart();
    return verified;
  });
}

async function tryCommits(stack: Stack, name: string, wanted: Verification): Promise<Verified> {
  await createInstance(stack, {
    ...{ argument: name, request: { from: wanted.commits, on: {}, with: [] }, own: wanted.own },
    ...(wanted.start ? { extent: 'ready' } : { extent: wanted.own.length > 0 ? 'started' : 'files', only: [] }),
    verifies: wanted.ticket,
  });
  return runLine(stack, name, wanted);
}

/** Takes apart what verifications that were killed have left; those that a living command is at stay. Throws what `destroy` throws. */
export async function clearVerifications(stack: Stack): Promise<void> {
  const left = await listLeftVerifications(stack);
  for (const { ticket } of left) await withChangeLock(stack, ticket, () => unmakeVerification(stack, ticket));
}

async function runLine(stack: Stack, name: string, { ticket, line, alone }: Verification): Promise<Verified> {
  const { root, rootId, signal } = stack;
  const { folder } = (await stack.store.read()).instances[name] as InstanceRecord;
  const log = verifyLogOf(root, ticket);
  await makeFolder(path.dirname(log));
  const writer = openLogWriter(logFilesOf(log), DEFAULT_LOG_BYTES);
  const lines: string[] = [];
  const about = { id: `verify ${ticket}`, subject: ticket, title: `verify: ${line}` };
  const begun = performance.now();
  stack.emit({ type: 'step-started', ...about });
  const spec = {
    ...{ root, rootId, stack: stack.name, repo: 'verify', gitCommonDir: folder, source: folder, instance: name },
    ...{ service: 'verify', name: `${name}-verify`, dir: '', workingDir: folder, image: undefined, command: undefined },
    ...{ env: { STACK_TICKET: name, STACK_ROOT: root }, ports: [], volumes: [], network: '', aliases: [], hash: '' },
  };
  try {
    writer.write(`$ ${line}`);
    const runtime = await stack.runtime(HOST_RUNTIME);
    const exitCode = await runtime.run(
      spec,
      line,
      ({ text, bytes }) => {
        writer.write(bytes ?? text);
        lines.push(text);
        if (lines.length > SHOWN_LINES) lines.shift();
      },
      signal,
    );
    throwIfAborted(signal);
    const ms = Math.round(performance.now() - begun);
    if (alone) await noteResult(stack, ticket, { exitCode, ...alone });
    if (exitCode === 0) stack.emit({ type: 'step-done', ...about, outcome: 'made', ms });
    else stack.emit({ type: 'step-failed', ...about, message: `exit code ${exitCode}`, ms });
    return { command: line, exitCode, ms, log, lines };
  } finally {
    writer.close();
  }
}

/** Commits that came while others were verified have not been, and what was merged may be of either. */
async function noteResult(
  { root, store }: Stack,
  ticket: string,
  result: TicketOnBases & { exitCode: number },
): Promise<void> {
  const record = (await store.read()).instances[ticket];
  if (!record || !isDeepStrictEqual(await readHeads(record), result.heads)) return;
  await replaceFile(verifyResultOf(root, ticket), JSON.stringify(result), { lasting: false });
}

/** Returns where a ticket's branches are, by repo; '' for one that is gone. Throws `git`. */
export async function readHeads(record: InstanceRecord): Promise<Record<string, string>> {
  const heads = dedicatedRepos(record).map(async ([repo, { gitCommonDir, branch }]) => {
    return [repo, (await findLocal(gitCommonDir, branch))?.commit ?? ''] as const;
  });
  return Object.fromEntries(await Promise.all(heads));
}
