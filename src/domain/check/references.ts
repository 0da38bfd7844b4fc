import { BASELINE } from '../instance.ts';
import { ownServer } from '../own.ts';
import { traitsOf } from '../runtime.ts';
import { HOST_FROM_CONTAINER } from '../shared.ts';
import { listNames, splitTemplate } from '../template.ts';
import { findAddresses } from './address.ts';
import { type Endpoint, findEndpoint, labelEndpoint } from './endpoints.ts';
import { type CheckFacts, type Link, makeLink, type ServiceFacts, type Trouble } from './link.ts';
import { judgeAddress, labelTarget, showValue } from './verdict.ts';

/** One variable that stack filled in. */
interface Wire {
  key: string;
  /** What it is filled in with. */
  value: string;
  /** Where it is meant to lead. */
  targets: readonly Endpoint[];
  /** What stack.yml itself says it leads to, beside names that stack fills in. */
  literals: ReturnType<typeof findAddresses>;
  /** It names things that come and go, so a running program may have been given another list. */
  changing: boolean;
}

/** Returns the links of every value that stack filled in for a service: stack.yml, the env file and the programs must agree. */
export function drawReferences(facts: CheckFacts, from: ServiceFacts): Link[] {
  return listWires(facts, from).flatMap((wire) => {
    const troubles = [
      ...judgeLiterals(facts, from, wire),
      ...judgePrograms(facts, from, wire),
      ...judgeBlocks(facts, from, wire),
    ];
    const ends = { from: nameOf(facts, from), key: wire.key, value: showValue(facts, wire.key, wire.value) };
    const isSelf = ({ instance, service }: Endpoint): boolean =>
      service === from.service && instance === from.wiring.record.ticket;
    const targets = wire.targets.filter((endpoint) => !isSelf(endpoint));
    if (targets.length === 0) {
      // What leads nowhere has no tick either.
      const known = troubles.filter(({ state }) => state !== 'unseen');
      return known.length > 0 ? [makeLink({ ...ends, to: envLabel(from) }, known)] : [];
    }
    return targets.map((endpoint) =>
      makeLink({ ...ends, to: labelTarget(facts, from, endpoint) }, [
        ...troubles,
        ...judgeEnds(facts, from, { endpoint, wire }),
      ]),
    );
  });
}

/** Returns a service's name in the graph. */
export function nameOf(facts: CheckFacts, { service, wiring }: ServiceFacts): string {
  return labelEndpoint({ instance: wiring.record.ticket, service }, facts.wiring.record.ticket);
}

function envLabel(from: ServiceFacts): string {
  return from.files.find(({ wanted }) => wanted)?.name ?? 'its environment';
}

function listWires(facts: CheckFacts, from: ServiceFacts): Wire[] {
  return Object.entries(from.expected).map(([key, value]) => {
    const template = from.settings.env[key] ?? '';
    const texts = splitTemplate(template).map((part) => (part.kind === 'text' ? part.text : ' '));
    const isPort = traitsOf(from.own).network && /^\d+$/.test(value);
    // A list of who may come in leads nowhere; a number in a container is a port in there.
    const literals = isAllowList(key) || isPort ? [] : findAddresses(key, texts.join(''));
    const names = listNames(template);
    const named = names.flatMap((name) => endpointOfName(from, name) ?? []);
    const found = literals.flatMap((address) => findEndpoint(facts.directory, address) ?? []);
    const targets = [
      ...new Map(
        [...named, ...found].map((endpoint) => [`${endpoint.instance}/${endpoint.service}`, endpoint]),
      ).values(),
    ];
    return { key, value, targets, literals, changing: names.some((name) => name.startsWith('tickets.')) };
  });
}

function endpointOfName({ wiring }: ServiceFacts, name: string): Endpoint | undefined {
  const [subject = '', key] = name.split('.');
  if (key === undefined) return undefined;
  if (ownServer(subject, wiring.record.own)) return { instance: wiring.record.ticket, service: subject };
  if (Object.hasOwn(wiring.config.shared.services, subject)) return { instance: undefined, service: subject };
  if (Object.hasOwn(wiring.record.services, subject)) return { instance: wiring.record.ticket, service: subject };
  return Object.hasOwn(wiring.baseline?.services ?? {}, subject) ? { instance: BASELINE, service: subject } : undefined;
}

/** True for a variable that lists who may ask: origins, hosts. */
export function isAllowList(key: string): boolean {
  return /(^|_)(CORS|ORIGINS?)(_|$)|(ALLOW(ED)?|TRUSTED|PERMITTED|ACCEPTED)_?(CORS|HOST|ORIGIN|DOMAIN)/i.test(key);
}

function judgeLiterals(facts: CheckFacts, from: ServiceFacts, { literals }: Wire): Trouble[] {
  return literals.flatMap((address) => {
    const trouble = judgeAddress(facts, from, address);
    return trouble ? [{ hint: 'write a name like `${api.url}` for it in stack.yml', ...trouble }] : [];
  });
}

/** The programs that listen on its ports have the say; where none is seen to, all of them. */
function judgePrograms(facts: CheckFacts, from: ServiceFacts, wire: Wire): Trouble[] {
  if (wire.changing || !from.running) return [];
  const leases = Object.values(from.own.ports).map(({ host }) => host);
  const listening = from.programs.filter(({ ports }) => ports?.some((port) => leases.includes(port)));
  const asked = listening.length > 0 ? listening : from.programs;
  // What says nothing of where to go, programs may well set again for those they start.
  const plain = wire.targets.length === 0 && wire.literals.length === 0;
  const seen = (plain ? from.programs.slice(0, 1) : asked).filter(({ unseen }) => !unseen?.includes(wire.key));
  if (seen.length === 0)
    return [{ state: 'unseen', reason: `what ${nameOf(facts, from)} was given is not shown here` }];
  const strays = seen.filter(({ env }) => env[wire.key] !== wire.value);
  return strays.slice(0, 1).map(({ name, env }) => {
    const value = env[wire.key];
    const has =
      value === undefined
        ? 'does not have it'
        : `has ${showValue(facts, wire.key, value)}${whereTo(facts, from, wire.key, value)}`;
    const { ticket } = from.wiring.record;
    const command =
      ticket === BASELINE ? '`stack down` and `stack up`' : `\`stack stop ${ticket}\` and \`stack start ${ticket}\``;
    return {
      state: 'wrong',
      reason: `${name} ${has}`,
      hint: `${command} start it again; if it stays, its command sets it`,
    };
  });
}

/** `, which leads to api of feat-01`, where it is known. */
function whereTo(facts: CheckFacts, from: ServiceFacts, key: string, value: string): string {
  for (const address of findAddresses(key, value)) {
    const trouble = judgeAddress(facts, from, address);
    if (trouble) return `, which ${trouble.reason}`;
  }
  return '';
}

function judgeBlocks(facts: CheckFacts, from: ServiceFacts, { key, changing }: Wire): Trouble[] {
  return from.files.flatMap(({ name, wanted, block }): Trouble[] => {
    const value = wanted?.[key];
    if (value === undefined || changing) return [];
    const hint = `\`stack start ${from.wiring.record.ticket}\` writes it again`;
    if (!block) return [{ state: 'wrong', reason: `${name} has no block of stack’s`, hint }];
    const found = block[key];
    if (found === value) return [];
    const says =
      found === undefined
        ? 'does not have it'
        : `says ${showValue(facts, key, found)}${whereTo(facts, from, key, found)}`;
    return [{ state: 'wrong', reason: `the block in ${name} ${says}: edited by hand, or stale`, hint }];
  });
}

/** What runs at both ends: a tick is for what was seen. */
function judgeEnds(
  facts: CheckFacts,
  from: ServiceFacts,
  { endpoint, wire }: { endpoint: Endpoint; wire: Wire },
): Trouble[] {
  const { instance, service } = endpoint;
  const idle = (name: string): Trouble => ({ state: 'warning', reason: `${name} does not run` });
  if (!from.running) return [idle(nameOf(facts, from))];
  if (instance === undefined) return facts.shared[service] === 'running' ? [] : [idle(service)];
  if (instance === from.wiring.record.ticket && ownServer(service, from.wiring.record.own))
    return facts.servers[service] === 'running' ? [] : [idle(service)];
  const target = facts.services.find((one) => one.service === service && one.wiring.record.ticket === instance);
  if (!target) return [];
  if (!target.running) return [idle(nameOf(facts, target))];
  return target.door && target.door.state !== 'warning' ? [target.door] : judgeReach(facts, target, wire);
}

/** On Linux a container reaches this machine by an address of the network, never by its loopback. */
function judgeReach(facts: CheckFacts, target: ServiceFacts, { value }: Wire): Trouble[] {
  if (!value.includes(HOST_FROM_CONTAINER)) return [];
  if (!traitsOf(target.own).network && target.programs.some(({ ports }) => ports === undefined)) {
    return [{ state: 'unseen', reason: `the addresses that ${nameOf(facts, target)} listens on are not shown here` }];
  }
  const leases = Object.values(target.own.ports).map(({ host }) => host);
  const listening = leases.filter((port) => target.programs.some(({ ports }) => ports?.includes(port)));
  const open = target.programs.flatMap((program) => program.open);
  if (listening.length === 0 || listening.some((port) => open.includes(port))) return [];
  return [
    {
      state: 'wrong',
      reason: `${nameOf(facts, target)} listens on 127.0.0.1 alone, where a container does not reach it`,
      hint: 'give both the same `runtime:` in stack.yml; or let it listen on 0.0.0.0 in place of `${bind}`, where other machines reach it too',
    },
  ];
}
