import { probeHttp, probePort } from '../../adapters/net/probe.ts';
import { pause } from '../../adapters/pause.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { isFault, StackError, throwIfAborted } from '../../domain/errors.ts';
import { BASELINE, requireService } from '../../domain/instance.ts';
import { traitsOf, type WorkloadStatus } from '../../domain/runtime.ts';
import type { Step, StepProgress } from '../../domain/step.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { refOf } from '../workloads/spec.ts';
import { isSeenReady, noteReady } from './ready-mark.ts';

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
      return isLogOnly(ready) || (await askPort(work, service, ready)) === undefined ? 'present' : 'absent';
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
  const name = work.record.ticket === BASELINE ? `${service} (${BASELINE})` : service;
  for (;;) {
    throwIfAborted(signal);
    const [answer, found] = await Promise.all([askOnce(work, service, ready), observeWorkload(work, service)]);
    if (found === undefined) {
      throw new StackError('busy', `${name} was taken away before it was ready`, {
        hint: 'another command has stopped it; run this one again',
      });
    }
    if (found.state !== 'running' && found.state !== 'starting') {
      throw await unready(work, service, `${name} ${describeEnd(found)} before it was ready`);
    }
    if (answer === undefined) return;
    if (performance.now() > deadline) {
      const message = `${name} was not ready within ${ready.timeoutSeconds} s: ${answer}`;
      throw await unready(work, service, message, guessReason(work, service, answer));
    }
    note(answer);
    await pause(POLL_MS, signal);
  }
}

function describeEnd({ state, exitCode }: WorkloadStatus): string {
  if (state === 'paused') return 'was paused';
  return exitCode === undefined ? 'ended' : `ended with exit code ${exitCode}`;
}

async function readyOf(work: Work, service: string): Promise<Ready> {
  const config = await requireConfig(work);
  return config.services[service]?.ready ?? { timeoutSeconds: 60 };
}

/** Undefined when the service is ready, else the first thing that is still missing. */
async function askOnce(work: Work, service: string, ready: Ready): Promise<string | undefined> {
  const missing = ready.log === undefined ? undefined : await findInLog(work, service, ready.log);
  return missing !== undefined || isLogOnly(ready) ? missing : askPort(work, service, ready);
}

function isLogOnly({ log, http, port }: Ready): boolean {
  return log !== undefined && http === undefined && port === undefined;
}

async function askPort(work: Work, service: string, ready: Ready): Promise<string | undefined> {
  const { ports } = requireService(work.record, service);
  const port = (ready.port === undefined ? Object.values(ports)[0] : ports[ready.port])?.host;
  if (ready.http !== undefined && port !== undefined) return explain(ready.http, await probeHttp(port, ready.http));
  if (port !== undefined) return explain(`port ${port}`, await probePort(port));
  const found = await observeWorkload(work, service);
  return found?.startedAt !== undefined && Date.now() - found.startedAt < SETTLE_MS ? 'just started' : undefined;
}

function explain(asked: string, answer: string | undefined): string | undefined {
  return answer && `${asked}: ${answer}`;
}

async function findInLog(work: Work, service: string, pattern: string): Promise<string | undefined> {
  const found = await observeWorkload(work, service);
  const runtime = await work.stack.runtime(requireService(work.record, service).runtime);
  const expression = new RegExp(pattern);
  const seen = found && { run: found, pattern };
  if (seen && (await isSeenReady(work, service, seen))) return undefined;
  const since = found?.logSince === undefined ? {} : { since: found.logSince };
  for await (const line of runtime.logs(refOf(work.stack, work.record, service), since)) {
    if (!expression.test(line.text)) continue;
    if (seen) await noteReady(work, service, seen);
    return undefined;
  }
  return `no log line matches ${pattern}`;
}

/** The engine takes connections for the container, and closes them when nothing inside does: mostly a server on localhost. */
function guessReason(work: Work, service: string, answer: string): string | undefined {
  const own = requireService(work.record, service);
  if (!traitsOf(own).network || !answer.endsWith('connection closed at once')) return undefined;
  const inside = Object.values(own.ports).map((port) => port.container);
  return `in its container nothing answers on port ${inside.join(' or ')}; a server there has to listen on 0.0.0.0, which \`\${bind}\` stands for, not on localhost`;
}

async function unready(work: Work, service: string, message: string, guess?: string): Promise<StackError> {
  const lines: string[] = [];
  let reason = guess;
  try {
    const runtime = await work.stack.runtime(requireService(work.record, service).runtime);
    const ref = refOf(work.stack, work.record, service);
    reason ??= await runtime.explain?.(ref);
    for await (const line of runtime.logs(ref, { tail: SHOWN_LINES })) lines.push(line.text);
  } catch (error) {
    if (isFault(error)) throw error;
    // The workload may be gone altogether; what it was asked is said all the same.
  }
  const last = lines.length === 1 ? 'its last line is below' : `its last ${lines.length} lines are below`;
  const printed = lines.length > 0 ? last : 'it printed nothing';
  return new StackError('unhealthy', message, {
    hint: reason === undefined ? printed : `${reason}; ${printed}`,
    lines,
    details: { service, ...(reason !== undefined && { reason }), lines },
  });
}
