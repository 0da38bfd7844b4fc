import { listEndpoints } from '../../domain/check/endpoints.ts';
import { drawGraph } from '../../domain/check/graph.ts';
import type { CheckFacts, Link, ServiceFacts } from '../../domain/check/link.ts';
import { messageOf } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import type { InstancesView, ServiceView } from '../../domain/view.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { createWork, type Work, wiringOf } from '../core/work.ts';
import { type Look, lookAtStack } from '../status/view.ts';
import { askAsBrowser } from './ask-as-browser.ts';
import { observeService } from './observe-service.ts';

/** How one ticket is wired. */
export interface TicketCheck {
  ticket: string;
  /** False when a link is wrong. */
  ok: boolean;
  /** False when a link was not seen: nothing is known of it. */
  seen: boolean;
  /** `front → api → postgres/shop`, a line for each service that nobody leads to. */
  picture: string[];
  arrows: Link[];
}

export interface CheckResult {
  ok: boolean;
  seen: boolean;
  tickets: TicketCheck[];
}

/**
 * Proves the wiring of tickets, or of the baseline by its name; of all tickets when none is named: asks each service's programs what they were given, and
 * traces every value that stack filled in. Changes nothing. Throws `config`, `not-found`.
 */
export async function checkTickets(stack: Stack, names: readonly string[]): Promise<CheckResult> {
  const state = await stack.store.read();
  const tickets = names.length > 0 ? names.map((name) => requireRecord(state, name).ticket) : undefined;
  return checkSeen(stack, await lookAtStack(stack, tickets), { names: tickets, asks: true });
}

interface Extent {
  /** Undefined for all tickets. */
  names: readonly string[] | undefined;
  /** Services are asked as a browser asks them. */
  asks: boolean;
}

async function checkSeen(stack: Stack, look: Look, { names, asks }: Extent): Promise<CheckResult> {
  const { state, view } = look;
  const config = await stack.config();
  const workOn = (record: InstanceRecord): Work =>
    createWork({ stack, config, record, baseline: state.baseline, shared: state.shared });
  const baseline = state.baseline ? await observeServices(workOn(state.baseline), view.baseline.services) : [];
  const tickets = await Promise.all(
    (names ?? Object.keys(state.instances)).map(async (name) =>
      checkTicket(workOn(requireRecord(state, name)), { ...look, baseline, asks }),
    ),
  );
  return { ok: tickets.every(({ ok }) => ok), seen: tickets.every(({ seen }) => seen), tickets };
}

function requireRecord(state: StackState, name: string): InstanceRecord {
  return name === BASELINE && state.baseline ? state.baseline : requireInstance(state, name);
}

interface World extends Look {
  baseline: ServiceFacts[];
  asks: boolean;
}

async function checkTicket(work: Work, { state, view, observed, baseline, asks }: World): Promise<TicketCheck> {
  const { ticket } = work.record;
  const { services: seen = {}, own } = view.instances.find((instance) => instance.ticket === ticket) ?? {};
  const servers = Object.entries(own ?? {}).flatMap(([name, { server }]) => (server ? [[name, server.status]] : []));
  const wiring = await wiringOf(work);
  const others = Object.values(state.instances).filter((record) => record.ticket !== ticket);
  const facts: CheckFacts = {
    wiring,
    others: others.map((record) => ({ ...wiring, record })),
    directory: listEndpoints(wiring, state.instances),
    services: ticket === BASELINE ? baseline : [...(await observeServices(work, seen)), ...baseline],
    shared: Object.fromEntries(Object.entries(view.shared).map(([name, { status }]) => [name, status])),
    open: Object.fromEntries([...observed.shared].map(([name, { open = [] }]) => [name, open])),
    servers: Object.fromEntries(servers),
  };
  const { links: drawn, graph } = drawGraph(facts);
  const links = [...drawn, ...(asks ? await askAsBrowser(facts, drawn) : [])];
  const isSeen = links.every(({ state }) => state !== 'unseen');
  return { ticket, ok: links.every(({ ok }) => ok), seen: isSeen, picture: graph, arrows: links };
}

async function observeServices(work: Work, seen: Readonly<Record<string, ServiceView>>): Promise<ServiceFacts[]> {
  const { services } = work.record;
  const names = Object.keys(services).filter((name) => Object.hasOwn(work.config?.services ?? {}, name));
  const folders = new Set<string>();
  return Promise.all(
    names.map((name) => {
      const folder = `${services[name]?.repo}/${work.config?.services[name]?.dir}`;
      // One env file serves all services of a folder.
      const withFiles = !folders.has(folder);
      folders.add(folder);
      return observeService(work, name, { running: seen[name]?.status === 'running', withFiles });
    }),
  );
}

/**
 * Returns a ticket that was just made, from one look at it. With `wires` it warns of each link that is wrong, and of each env file that
 * has another say: the ticket is there and runs, as was asked, and what crosses may be just what stack.yml says, so nothing is unwound.
 */
export async function observeMade(stack: Stack, ticket: string, { wires }: { wires: boolean }): Promise<InstancesView> {
  const look = await lookAtStack(stack, [ticket]);
  if (wires) await warnOfWires(stack, look, ticket);
  const { repos, instances } = look.view;
  return { repos, instances };
}

/** Never throws. */
async function warnOfWires(stack: Stack, look: Look, ticket: string): Promise<void> {
  const warn = (text: string): void => stack.emit({ type: 'warning', text });
  try {
    const { tickets } = await checkSeen(stack, look, { names: [ticket], asks: false });
    const wrong = tickets.flatMap(({ arrows }) => arrows.filter(({ ok, file }) => !ok || file !== undefined));
    for (const { from, to, key = '', reason = '', hint, file } of wrong) {
      const cure = file !== undefined && hint !== undefined ? `; ${hint}` : '';
      warn(`${from} → ${to}: ${`${key} ${reason}${cure}`.trim()}`);
    }
    if (wrong.length > 0) warn(`\`stack check ${ticket}\` shows every link`);
  } catch (error) {
    warn(`the wiring could not be checked: ${messageOf(error)}`);
  }
}
