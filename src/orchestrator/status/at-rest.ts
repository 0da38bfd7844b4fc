import { stripVTControlCharacters } from 'node:util';
import { bestEffort } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, requireService } from '../../domain/instance.ts';
import type { WorkloadStatus } from '../../domain/runtime.ts';
import { maskPasswords } from '../../domain/secrets.ts';
import { combineStatus, type ServiceView } from '../../domain/view.ts';
import { isOwnerAlive } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { refOf } from '../workloads/spec.ts';
import type { View } from './problems.ts';

/** How a shell and an engine tell that SIGKILL or SIGTERM ended something. */
const KILLED: readonly (number | undefined)[] = [137, 143];
/** How much of a log is looked through for the reason. */
const READ_LINES = 40;
const MOST_LETTERS = 160;

/**
 * Returns why services of an instance do not run, and the command that starts them, a line each. What was stopped is told of where
 * others run, and so is what was killed: the end of a machine or an engine ends all.
 */
export async function tellAtRest(
  { stack, observed }: View,
  record: InstanceRecord,
  services: Record<string, ServiceView>,
): Promise<string[]> {
  const isPartial = combineStatus(Object.values(services).map(({ status }) => status)) === 'partial';
  if (await isOwnerAlive(record)) return isPartial ? ['a command is at work on it'] : [];
  const ended = (exitCode: number | undefined) => isPartial || !KILLED.includes(exitCode);
  const told = Object.entries(services).map(async ([service, { status, exitCode }]) => {
    if (status === 'exited' && ended(exitCode)) return tellEnd(stack, record, { service, exitCode, observed });
    return isPartial ? tellPause(record, service, status) : [];
  });
  return (await Promise.all(told)).flat();
}

async function tellEnd(
  stack: Stack,
  record: InstanceRecord,
  { service, exitCode, observed }: { service: string; exitCode: number | undefined } & Pick<View, 'observed'>,
): Promise<string[]> {
  const seen = observed.workloads.get(`${record.ticket}/${service}`);
  const words = await bestEffort(readLastWords(stack, record, service, seen));
  const isBaseline = record.ticket === BASELINE;
  const end = `${isBaseline ? `${service} (${BASELINE})` : service} ended (exit ${exitCode ?? 'unknown'})`;
  return [`${end}${words ? `: ${words}` : ''} · stack ${isBaseline ? 'up' : `start ${record.ticket}`}`];
}

/** The baseline runs as much as tickets need of it. */
function tellPause({ ticket }: InstanceRecord, service: string, status: ServiceView['status']): string[] {
  if (ticket === BASELINE) return [];
  if (status === 'stopped') return [`${service} is stopped · stack start ${ticket} ${service}`];
  return status === 'starting' ? [`${service} is starting`] : [];
}

/** What a service printed of the reason for its end, as one line; '' where it printed nothing. */
async function readLastWords(
  stack: Stack,
  record: InstanceRecord,
  service: string,
  seen: WorkloadStatus | undefined,
): Promise<string> {
  const runtime = await stack.runtime(requireService(record, service).runtime);
  const since = seen?.logSince === undefined ? {} : { since: seen.logSince };
  const lines: string[] = [];
  for await (const { text } of runtime.logs(refOf(stack, record, service), { tail: READ_LINES, ...since }))
    lines.push(text);
  return pickReason(lines);
}

/**
 * Returns the line of a log that most likely says why its program ended: the last that names an error, else the last. Without
 * escapes and passwords, and cut where it is long.
 */
export function pickReason(lines: readonly string[]): string {
  const clean = lines.map((line) => maskPasswords(stripVTControlCharacters(line)).trim()).filter((line) => line !== '');
  const named = clean.findLast((line) =>
    /^(uncaught |unhandled |caused by: )?([\w.]*(error|exception)\b|fatal|panic)/i.test(line),
  );
  const reason = named ?? clean.at(-1) ?? '';
  return reason.length > MOST_LETTERS ? `${reason.slice(0, MOST_LETTERS - 1)}…` : reason;
}
