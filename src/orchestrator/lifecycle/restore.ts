import path from 'node:path';
import { dropRescue } from '../../adapters/git/rescue/refs.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { bestEffort, StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { completeRescue, type Rescue } from '../../domain/rescue.ts';
import { RUNTIMES } from '../../domain/runtime.ts';
import type { Step, StepState } from '../../domain/step.ts';
import { suggest } from '../../domain/suggest.ts';
import { ticketOf } from '../../domain/ticket.ts';
import type { Stack } from '../core/stack.ts';
import { dropDump } from '../data/saved-data.ts';
import { purgeDocuments } from '../runs/brief/documents.ts';
import { listRescues } from '../safety/rescues.ts';
import { type CreateOptions, createInstance, previewCreate } from './create.ts';

/** What `create` is told too is laid over what was saved: repos and services it had of its own come back in any case. */
export interface RestoreOptions
  extends Pick<CreateOptions, 'request' | 'own' | 'migrate' | 'extent' | 'skipSetup' | 'ask'> {
  ticket: string;
  /** The beginning of a time, as `--list` shows it; undefined for the newest. */
  time: string | undefined;
  /** False when a runtime was asked for, which then wins over the one that each service had. */
  keepRuntimes: boolean;
}

/** Makes a ticket again as it was saved. Returns its name. Throws `not-found`, and what `create` throws. */
export async function restoreInstance(stack: Stack, options: RestoreOptions): Promise<string> {
  // Chosen first: what is cleared away of a restore that was killed is saved too, and is not what is meant.
  const rescue = await requireRescue(stack, options);
  const request = { ...toRequest(rescue, options), ask: options.ask };
  const ticket = await createInstance(withRuntimes(stack, rescue.services, options), request);
  const again = `\`stack restore ${ticket} --time ${rescue.time} --forget\` deletes it`;
  stack.emit({ type: 'info', text: `what was saved of ${ticket} is kept; ${again}` });
  return ticket;
}

/** Returns what `restore` would do. Touches nothing. */
export async function previewRestore(
  stack: Stack,
  options: RestoreOptions,
): Promise<{ record: InstanceRecord; steps: [Step, StepState][] }> {
  const rescue = await requireRescue(stack, options);
  return previewCreate(withRuntimes(stack, rescue.services, options), toRequest(rescue, options));
}

/** Deletes what was saved of a ticket at one time, in all repos. Returns the rescue that was. Throws `not-found`. */
export async function forgetRescue(stack: Stack, rescue: Rescue): Promise<void> {
  const { repos } = await stack.config();
  const folders = Object.values(repos).map((repo) => path.resolve(stack.root, repo.path));
  await Promise.all(folders.map((folder) => dropRescue(folder, rescue.ticket, rescue.time)));
  await dropDump(stack, rescue);
  await bestEffort(purgeDocuments(stack));
}

/** Returns the rescue that is meant: the newest of the ticket, what a create left half-made aside. Throws `not-found`. */
export async function requireRescue(
  stack: Stack,
  { ticket, time }: Pick<RestoreOptions, 'ticket' | 'time'>,
): Promise<Rescue> {
  const name = ticketOf(ticket);
  const all = await listRescues(stack);
  const ofTicket = all.filter((rescue) => rescue.ticket === name);
  const wanted = time?.replaceAll(/[-:]/g, '') ?? '';
  const fitting = ofTicket.filter((rescue) => rescue.time.startsWith(wanted));
  const found = fitting.find(({ halfMade }) => !halfMade) ?? fitting[0];
  if (found) return completeRescue(found, all);
  const near = suggest(name, [...new Set(all.map((rescue) => rescue.ticket))]);
  const times = ofTicket.map((rescue) => rescue.time).join(', ');
  throw new StackError('not-found', `nothing is saved of ${JSON.stringify(ticket)}${times ? ` from ${time}` : ''}`, {
    hint: times
      ? `it was saved at ${times}`
      : near.length > 0
        ? `did you mean ${near.join(' or ')}?`
        : '`stack restore --list` shows what is; `destroy` saves a ticket’s own data, `destroy --force` its work',
  });
}

function toRequest(rescue: Rescue, { request, own = [], migrate, extent, skipSetup }: RestoreOptions): CreateOptions {
  for (const [flag, repos] of [
    ['from', request.from],
    ['on', request.on],
  ] as const) {
    const repo = Object.keys(repos).find((name) => rescue.repos[name]?.mode === 'dedicated');
    if (repo === undefined) continue;
    throw new StackError(
      'usage',
      `--${flag}-${repo}: ${rescue.ticket} had its own ${repo}, which comes back as it was`,
      { hint: `leave it out, or make a new ticket with \`stack create\`` },
    );
  }
  const all = [...new Set([...Object.keys(rescue.own ?? {}), ...own])];
  const how = { migrate: migrate === true, extent, skipSetup: skipSetup === true };
  const { argument, task, documents, issue } = rescue;
  return { argument, request, own: all, ...how, task, documents, issue, rescue };
}

/** Returns a stack in which services run as they ran, where that is possible still; the same one without `keepRuntimes`. */
export function withRuntimes(
  stack: Stack,
  services: Rescue['services'],
  { keepRuntimes }: Pick<RestoreOptions, 'keepRuntimes'>,
): Stack {
  if (!keepRuntimes) return stack;
  const overlay = async (): Promise<StackConfig> => {
    const config = await stack.config();
    const entries = await Promise.all(
      Object.entries(config.services).map(async ([name, settings]) => {
        const before = services[name]?.runtime;
        const keeps = before !== undefined && (!RUNTIMES[before].engine || (await stack.checkEngine()).ok);
        return [name, keeps ? { ...settings, runtime: before } : settings] as const;
      }),
    );
    return { ...config, services: Object.fromEntries(entries) };
  };
  return { ...stack, config: overlay };
}
