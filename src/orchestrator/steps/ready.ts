import { probeHttp, probePort } from '../../adapters/net/probe.ts';
import { pause } from '../../adapters/pause.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';
import { BASELINE, requireService } from '../../domain/instance.ts';
import { type LogLine, traitsOf, type WorkloadStatus } from '../../domain/runtime.ts';
import type { Step, StepProgress } from '../../domain/step.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { openLookout } from '../workloads/lookout.ts';
import { findRuntime, observeWorkload } from '../workloads/observe.ts';
import { refOf } from '../workloads/spec.ts';
import { openSearch } from './ready-log.ts';
import { isSeenReady } from './ready-mark.ts';

const POLL_MS = 60;
/** How long a service without ports must stay up to count as ready. */
const SETTLE_MS = 500;
const SHOWN_LINES = 30;

type Ready = StackConfig['services'][string]['ready'];

/** Ready means ready: the service answers as `ready:` says; one that ends while we wait fails at once. */
export function readyStep(work: Work, service: string): Step {
  return {
    id: { kind: 'ready', of: service },
    subject: service,
    title: 'ready',
    after: [{ kind: 'workload', of: service }],
    async inspect() {
      const found = await observeWorkload(work, service);
      if (found?.state !== 'running') return 'absent';
      const ready = await readyOf(work, service);
      // Only `apply` looks through the log, since it notes what it finds there.
      const isSeen = ready.log === undefined || (await isSeenReady(work, service, { run: found, pattern: ready.log }));
      if (!isSeen) return 'absent';
      return isLogOnly(ready) || (await askPort(work, service, ready, found)) === undefined ? 'present' : 'absent';
    },
    async apply(progress) {
      await waitUntilReady(work, service, progress);
    },
    ownedByOther: true,
    async revert() {},
  };
}

async function waitUntilReady(work: Work, service: string, { signal, note }: StepProgress): Promise<void> {
  const ready = await readyOf(work, service);
  const deadline = performance.now() + ready.timeoutSeconds * 1000;
  const runtime = await findRuntime(work, service);
  const ref = refOf(work.stack, work.record, service);
  const lookout = openLookout((onChange, until) => runtime.watch(ref, onChange, until));
  const search = ready.log === undefined ? undefined : openSearch(work, service, ready.log, signal);
  let found: WorkloadStatus | undefined;
  const look = async (): Promise<void> => {
    found = await requireUp(work, service);
    search?.readOn(found);
  };
  const askLog = () => (search?.isPrinted(found) === false ? `no log line matches ${ready.log}` : undefined);
  try {
    for (;;) {
      throwIfAborted(signal);
      if (lookout.isDue()) await look();
      let answer = askLog() ?? (isLogOnly(ready) ? undefined : await askPort(work, service, ready, found));
      const isLate = performance.now() > deadline;
      // Somebody else may answer on the port of one that has ended, and another run have taken the place of the one that printed.
      if (answer === undefined || isLate) await look();
      answer ??= askLog();
      if (answer === undefined) return;
      if (isLate) {
        const message = `${nameOf(work, service)} was not ready within ${ready.timeoutSeconds} s: ${answer}`;
        throw await unready(work, service, message, {
          run: found,
          guess: await guessReason(work, service, ready, answer),
        });
      }
      note(answer);
      await pause(POLL_MS, signal);
    }
  } finally {
    lookout.end();
    await search?.end();
  }
}

function nameOf({ record }: Work, service: string): string {
  return record.ticket === BASELINE ? `${service} (${BASELINE})` : service;
}

/** Throws `busy` where the service is gone, `unhealthy` where it has ended. */
async function requireUp(work: Work, service: string): Promise<WorkloadStatus> {
  const found = await observeWorkload(work, service);
  if (found === undefined) {
    throw new StackError('busy', `${nameOf(work, service)} was taken away before it was ready`, {
      hint: 'another command has stopped it; run this one again',
    });
  }
  if (found.state === 'running' || found.state === 'starting') return found;
  const message = `${nameOf(work, service)} ${describeEnd(found)} before it was ready`;
  throw await unready(work, service, message, { run: found, guess: explainEnd(work, service, found) });
}

/** What shells and engines mean by an exit code (POSIX, 2.8.2). */
function explainEnd(work: Work, service: string, { exitCode }: WorkloadStatus): string | undefined {
  const where = traitsOf(requireService(work.record, service)).images ? 'in its image' : 'on the PATH or in its folder';
  if (exitCode === 127) return `its command runs a program that is not ${where}: see \`command:\` and \`setup:\``;
  if (exitCode === 126) return 'its command is a file that may not be run: `chmod +x` makes it a program';
  return undefined;
}

function describeEnd({ state, exitCode }: WorkloadStatus): string {
  if (state === 'paused') return 'was paused';
  return exitCode === undefined ? 'ended' : `ended with exit code ${exitCode}`;
}

async function readyOf(work: Work, service: string): Promise<Ready> {
  const config = await requireConfig(work);
  return config.services[service]?.ready ?? { timeoutSeconds: 60 };
}

function isLogOnly({ log, http, port }: Ready): boolean {
  return log !== undefined && http === undefined && port === undefined;
}

/** Undefined when the service answers, else what is still missing. */
async function askPort(
  work: Work,
  service: string,
  ready: Ready,
  found: WorkloadStatus | undefined,
): Promise<string | undefined> {
  const { ports } = requireService(work.record, service);
  const port = (ready.port === undefined ? Object.values(ports)[0] : ports[ready.port])?.host;
  if (ready.http !== undefined && port !== undefined) return explain(ready.http, await probeHttp(port, ready.http));
  if (port !== undefined) return explain(`port ${port}`, await probePort(port));
  const isSettled = found?.startedAt !== undefined && Date.now() - found.startedAt >= SETTLE_MS;
  return isSettled ? undefined : 'just started';
}

function explain(asked: string, answer: string | undefined): string | undefined {
  return answer && `${asked}: ${answer}`;
}

async function guessReason(work: Work, service: string, ready: Ready, answer: string): Promise<string | undefined> {
  const own = requireService(work.record, service);
  const port = (ready.port === undefined ? Object.values(own.ports)[0] : own.ports[ready.port])?.host;
  const isOtherPath = ready.http !== undefined && ready.http !== '/' && /: status 4\d\d$/.test(answer);
  if (isOtherPath && port !== undefined && (await probeHttp(port, '/')) === undefined)
    return `\`/\` answers: set \`ready: { http: / }\` of ${service} in stack.yml`;
  // The engine takes connections for the container, and closes them when nothing inside does: mostly a server on localhost.
  if (!traitsOf(own).network || !answer.endsWith('connection closed at once')) return undefined;
  const inside = Object.values(own.ports).map((port) => port.container);
  return `in its container nothing answers on port ${inside.join(' or ')}; a server there has to listen on 0.0.0.0, which \`\${bind}\` stands for, not on localhost`;
}

/** What another run printed before says nothing of this one. */
async function unready(
  work: Work,
  service: string,
  message: string,
  { run, guess }: { run: WorkloadStatus | undefined; guess: string | undefined },
): Promise<StackError> {
  // The workload may be gone altogether; what it was asked is said all the same.
  const runtime = await bestEffort(findRuntime(work, service));
  const ref = refOf(work.stack, work.record, service);
  const reason = guess ?? (runtime?.explain && (await bestEffort(runtime.explain(ref))));
  const lines: string[] = [];
  const since = run?.logSince === undefined ? {} : { since: run.logSince };
  const isRead = (await bestEffort(readLastLines(runtime?.logs(ref, { tail: SHOWN_LINES, ...since }), lines))) === true;
  const printed = describeLines(lines.length, isRead);
  return new StackError('unhealthy', message, {
    hint: reason === undefined ? printed : `${reason}; ${printed}`,
    lines,
    details: { service, ...(reason !== undefined && { reason }), lines },
  });
}

async function readLastLines(log: AsyncIterable<LogLine> | undefined, into: string[]): Promise<boolean> {
  if (!log) return false;
  for await (const { text } of log) into.push(text);
  return true;
}

function describeLines(count: number, isRead: boolean): string {
  if (count === 0) return isRead ? 'it printed nothing' : 'its log could not be read';
  return count === 1 ? 'its last line is below' : `its last ${count} lines are below`;
}
