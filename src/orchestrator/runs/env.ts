import { MARKER } from '../../adapters/process/table.ts';
import type { InstanceRecord, StackState } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import { readHostEnv } from '../workloads/host-env.ts';

/** Names what a run was told by its environment: another run is not to be told it. */
const NAMES = 'STACK_ENV_NAMES';
/** Without these nothing is found. */
const NEEDED = ['PATH', 'HOME'];

/**
 * Returns the environment of a program that works in a ticket's folder: the person's, and the variables of the ticket's services, as
 * `stack env` prints them. One that two services have differently is not there. Throws `config`, `files`.
 */
export async function readRunEnv(
  stack: Stack,
  state: StackState,
  record: InstanceRecord,
): Promise<Record<string, string>> {
  const services = Object.keys(record.services);
  const found = await Promise.all(services.map((service) => readHostEnv(stack, state, record, service)));
  const all = found.flatMap((env) => Object.entries(env));
  const isOne = ([name, value]: [string, string]): boolean =>
    all.every(([other, its]) => other !== name || its === value);
  const unclear = all.filter((entry) => !isOne(entry) && !NEEDED.includes(entry[0])).map(([name]) => name);
  const own = Object.entries(pickOwn(stack.env)).filter(([name]) => !unclear.includes(name));
  const told = { ...Object.fromEntries(all.filter(isOne)), STACK_TICKET: record.ticket, STACK_ROOT: stack.root };
  return { ...Object.fromEntries(own), ...nameTold(told), PWD: record.folder };
}

/** Returns the environment of a program that is to know nothing of a ticket: the person's. */
export function readApartEnv({ env, root }: Pick<Stack, 'env' | 'root'>, folder: string): Record<string, string> {
  return { ...pickOwn(env), ...nameTold({ STACK_ROOT: root }), PWD: folder };
}

/** Returns variables with one that names them, and those that an environment names already. */
export function nameTold(told: Record<string, string>, before = ''): Record<string, string> {
  const names = [...before.split(' '), ...Object.keys(told)].filter((name) => name !== '' && !NEEDED.includes(name));
  return { ...told, [NAMES]: [...new Set(names)].join(' ') };
}

/** Another run's variables speak of another ticket, and so do those of a terminal that it is not on. */
function pickOwn(env: Stack['env']): Record<string, string> {
  const told = (env[NAMES] ?? '').split(' ');
  const isLeft = (name: string): boolean =>
    /^(STACK_RUN(_DIR)?|STACK_PROMPT_FILE|TMUX|TMUX_PANE)$/.test(name) || [MARKER, NAMES, ...told].includes(name);
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || isLeft(name) ? [] : [[name, value]])),
  );
}
