import { traitsOf } from '../runtime.ts';
import { firstPort } from '../wiring.ts';
import { type CheckFacts, type Link, makeLink, type ServiceFacts } from './link.ts';
import { drawAllowLists, drawFiles, drawWorkers } from './literals.ts';
import { drawReferences, nameOf } from './references.ts';
import { drawTraces } from './traces.ts';

/**
 * Returns every link of a ticket (the ways in, what stack filled in, what people's files say, what else may cross), and its
 * small graph: `front → api → postgres/shop, redis/0 (not seen)`, a line for each service nobody leads to.
 */
export function drawGraph(facts: CheckFacts): { links: Link[]; graph: string[] } {
  const { ticket } = facts.wiring.record;
  const shown = facts.services.filter(
    ({ wiring }) => wiring.record.ticket === ticket || wiring.record.ticket === facts.wiring.baseline?.ticket,
  );
  const drawn = shown.filter((service) => service.wiring.record.ticket === ticket || isReached(facts, service));
  const wired = drawn.flatMap((service) => drawReferences(facts, service));
  const links = [
    ...drawn.flatMap((service) => drawDoor(facts, service)),
    ...drawn.flatMap((service) => drawOpen(nameOf(facts, service), service)),
    ...Object.entries(facts.open).flatMap(([name, ports]) => makeOpen(name, ports, PUBLISHED)),
    ...wired,
    ...drawn.flatMap((service) => [...drawFiles(facts, service), ...drawTraces(facts, service)]),
    ...drawAllowLists(facts, wired),
    ...drawWorkers(facts),
  ];
  return { links, graph: drawChains(wired) };
}

/** Of the baseline the ticket stands on what it has no copy of. */
function isReached({ wiring }: CheckFacts, { own }: ServiceFacts): boolean {
  return wiring.record.repos[own.repo]?.mode === 'shared';
}

function drawDoor(facts: CheckFacts, service: ServiceFacts): Link[] {
  const port = firstPort(service.own)?.host;
  if (port === undefined) return [];
  const name = nameOf(facts, service);
  const idle = service.running ? [] : [{ state: 'warning', reason: `${name} does not run` } as const];
  return [makeLink({ from: `localhost:${port}`, to: name }, service.door ? [service.door] : idle)];
}

const PUBLISHED = 'write `127.0.0.1:` in front of it in the compose file';

/** What stack starts is for this machine alone; a server that listens on all addresses is there for its whole network. */
function drawOpen(name: string, { programs, own }: ServiceFacts): Link[] {
  const hint = traitsOf(own).network
    ? undefined
    : 'let its command listen on `${bind}`, which is 127.0.0.1 for a process';
  return makeOpen(name, [...new Set(programs.flatMap(({ open }) => open))], hint);
}

function makeOpen(name: string, ports: readonly number[], hint: string | undefined): Link[] {
  if (ports.length === 0) return [];
  const reason = `other machines reach it on port ${ports.join(', ')}`;
  return [
    makeLink({ from: 'the network', to: name }, [{ state: 'warning', reason, ...(hint !== undefined && { hint }) }]),
  ];
}

/** Where each leads, and whether that was seen. */
type Arrows = Map<string, Map<string, boolean>>;

function drawChains(links: readonly Link[]): string[] {
  const next: Arrows = new Map();
  for (const { from, to, state } of links) {
    const arrows = next.get(from) ?? new Map<string, boolean>();
    next.set(from, arrows.set(to, state !== 'unseen' && (arrows.get(to) ?? true)));
  }
  const reached = new Set([...next.values()].flatMap((arrows) => [...arrows.keys()]));
  const starts = [...next.keys()].filter((name) => !reached.has(name));
  const chains = (starts.length > 0 ? starts : [...next.keys()].slice(0, 1)).map((start) => drawChain(next, [start]));
  return chains.sort((one, other) => other.split(' → ').length - one.split(' → ').length);
}

function drawChain(next: Arrows, way: readonly string[]): string {
  const [name = '', before = ''] = way.toReversed();
  const label = next.get(before)?.get(name) === false ? `${name} (not seen)` : name;
  const below = [...(next.get(name)?.keys() ?? [])].filter((one) => !way.includes(one));
  if (below.length === 0) return label;
  const parts = below.map((one) => drawChain(next, [...way, one]));
  const isPlain = parts.filter((part) => part.includes(' → ')).length === 0 || parts.length === 1;
  return `${label} → ${isPlain ? parts.join(', ') : parts.map((part) => (part.includes(' → ') ? `(${part})` : part)).join(', ')}`;
}
