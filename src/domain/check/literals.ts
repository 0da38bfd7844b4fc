import { BASELINE } from '../instance.ts';
import { isOwnable } from '../own-kinds.ts';
import { resolveShared } from '../shared.ts';
import { listNames } from '../template.ts';
import { firstPort } from '../wiring.ts';
import { findAddresses } from './address.ts';
import { findEndpoint } from './endpoints.ts';
import { type CheckFacts, type EnvFileFacts, type Link, makeLink, type ServiceFacts } from './link.ts';
import { isAllowList, nameOf } from './references.ts';
import { targetOf } from './traces.ts';
import { judgeAddress, labelTarget, sharedPart, showValue } from './verdict.ts';

/** Returns the links of what people's own lines in env files would cross: what stack did not write, but programs read. */
export function drawFiles(facts: CheckFacts, from: ServiceFacts): Link[] {
  // What a developer has in the main checkouts is theirs.
  if (from.wiring.record.ticket === BASELINE) return [];
  const ours = from.files.find(({ wanted }) => wanted)?.wanted ?? {};
  return from.files.flatMap((file) => {
    const kept = file.tracked ? `${file.name}, which git keeps,` : file.name;
    return Object.entries(file.values ?? {}).flatMap(([key, value]) => {
      if (key === 'COMPOSE_PROJECT_NAME') return [drawProject(facts, from, { kept, value })];
      const isShadow = !file.wanted && Object.hasOwn(ours, key);
      if (isShadow) return drawShadow(facts, from, { kept, key, value, ours: ours[key] ?? '' });
      const isInBlock = file.wanted && Object.hasOwn(file.block ?? {}, key);
      return isInBlock ? drawOverruled(facts, from, file, key) : drawLine(facts, from, { kept, key, value });
    });
  });
}

interface Line {
  kept: string;
  key: string;
  value: string;
}

function drawProject(facts: CheckFacts, from: ServiceFacts, { kept, value }: Omit<Line, 'key'>): Link {
  const reason = `${kept} names the project ${value} of another checkout: \`docker compose\` run here would change that one`;
  const ends = { from: nameOf(facts, from), to: `compose project ${value}`, key: 'COMPOSE_PROJECT_NAME', value };
  return makeLink(ends, [{ state: 'warning', reason, hint: 'take the line out of the worktree’s file' }]);
}

/** The last line of a file wins: one below the block has the say for programs that read it. */
function drawOverruled(
  facts: CheckFacts,
  from: ServiceFacts,
  { name, block, values }: EnvFileFacts,
  key: string,
): Link[] {
  const [ours = '', value = ''] = [block?.[key], values?.[key]];
  if (ours === value) return [];
  const reason = `a line below the block in ${name} says ${showValue(facts, key, value)}`;
  return [drawValue(facts, from, { key, value, reason, to: targetOf(facts, from, key, ours) })];
}

function drawShadow(
  facts: CheckFacts,
  from: ServiceFacts,
  { kept, key, value, ours }: Line & { ours: string },
): Link[] {
  // Where it is known what reads them, that has the say.
  if (from.readers.length > 0) return [];
  const leads = [...findAddresses(key, value), ...findAddresses(key, ours)].length > 0;
  if (value === ours || !leads) return [];
  const reason = `${kept} says ${showValue(facts, key, value)}: programs that read it alone get that`;
  return [drawValue(facts, from, { key, value, reason, to: targetOf(facts, from, key, ours) })];
}

function drawLine(facts: CheckFacts, from: ServiceFacts, { kept, key, value }: Line): Link[] {
  if (isAllowList(key)) return [];
  return findAddresses(key, value).flatMap((address) => {
    const trouble = judgeAddress(facts, from, address);
    const endpoint = findEndpoint(facts.directory, address);
    if (!trouble || !endpoint) return [];
    const ends = {
      from: nameOf(facts, from),
      to: labelTarget(facts, from, endpoint),
      key,
      value: showValue(facts, key, value),
    };
    const hint = 'take the line out, or let stack.yml fill it in';
    return [makeLink(ends, [{ ...trouble, reason: `${kept} ${trouble.reason}`, hint }])];
  });
}

function drawValue(
  facts: CheckFacts,
  from: ServiceFacts,
  { key, value, reason, to }: { key: string; value: string; reason: string; to: string },
): Link {
  const ends = { from: nameOf(facts, from), to, key, value: showValue(facts, key, value) };
  return makeLink(ends, [{ state: 'warning', reason, hint: 'take the line out, or make it the same' }]);
}

/** Returns the links from front-ends to APIs whose list of who may ask lacks them. */
export function drawAllowLists(facts: CheckFacts, links: readonly Link[]): Link[] {
  const { ticket } = facts.wiring.record;
  const fronts = facts.services.filter(({ wiring }) => wiring.record.ticket === ticket);
  return fronts.flatMap((front) => {
    const port = firstPort(front.own)?.host;
    const targets = facts.services.filter((api) => api !== front && isAskedByBrowsers(facts, links, front, api));
    return port === undefined ? [] : targets.flatMap((api) => drawAllowList(facts, { front, api, port }));
  });
}

function isAskedByBrowsers(facts: CheckFacts, links: readonly Link[], front: ServiceFacts, api: ServiceFacts): boolean {
  const found = links.filter(({ from, to }) => from === nameOf(facts, front) && to === nameOf(facts, api));
  return found.some(({ key = '', value = '' }) => {
    const names = listNames(front.settings.env[key] ?? '');
    return names.length > 0 ? names.includes(`${api.service}.url`) : /^https?:\/\/localhost/.test(value);
  });
}

function drawAllowList(
  facts: CheckFacts,
  { front, api, port }: { front: ServiceFacts; api: ServiceFacts; port: number },
): Link[] {
  const env = { ...api.expected, ...api.programs.find((program) => program.env.STACK_SERVICE)?.env };
  const ends = { from: nameOf(facts, front), to: nameOf(facts, api) };
  return Object.entries(env).flatMap(([key, value]) => {
    if (!isAllowList(key) || isAllowed(value, port)) return [];
    const reason = `${key} of ${nameOf(facts, api)} does not have http://localhost:${port}`;
    return [
      makeLink({ ...ends, key, value: showValue(facts, key, value) }, [
        { state: 'warning', reason, hint: hintFor(front, api, key) },
      ]),
    ];
  });
}

function hintFor(front: ServiceFacts, api: ServiceFacts, key: string): string {
  const list = `tickets.${front.service}.urls`;
  if (!(api.settings.env[key] ?? '').includes(`\${${list}}`)) return `let it be \`\${${list}}\` in stack.yml`;
  return `\`refresh: restart\` on ${api.service} in stack.yml, or start it again`;
}

/** Entries are origins, hosts, hosts with ports; a `*` or a pattern may stand for all. */
function isAllowed(value: string, port: number): boolean {
  const entries = value.split(/[\s,;|]+/).map((entry) => entry.replace(/\/$/, '').toLowerCase());
  const fitting = ['localhost', '127.0.0.1', '.localhost'].flatMap((host) => [
    host,
    `${host}:${port}`,
    `http://${host}:${port}`,
  ]);
  return entries.some((entry) => /[*^$()]/.test(entry) || /^(true|all|any)$/.test(entry) || fitting.includes(entry));
}

/** A queue's jobs go to whoever asks first. */
const QUEUES = /^(rediss?|valkey|amqps?|kafka|nats)$/;

/** Returns the links of queues that a worker of the baseline empties too. */
export function drawWorkers(facts: CheckFacts): Link[] {
  const { ticket } = facts.wiring.record;
  const workers = facts.services.filter(
    ({ wiring, running, settings }) =>
      wiring.record.ticket === BASELINE && running && Object.keys(settings.ports).length === 0,
  );
  const own = facts.services.filter(({ wiring }) => wiring.record.ticket === ticket);
  return workers.flatMap((worker) =>
    own.flatMap((service) => {
      const queues = listQueues(worker);
      const wire = [...listQueues(service)].find(([part, { apart }]) => queues.has(part) && !apart);
      if (!wire) return [];
      const [part, { key, name }] = wire;
      const reason = `takes jobs from ${part} too: it runs those of ${ticket} with the baseline’s code`;
      const hint = `\`\${${name}.prefix}\` before its keys keeps them apart${isOwnable(name) ? `, as does \`--own ${name}\`` : ''}`;
      return [
        makeLink({ from: nameOf(facts, service), to: nameOf(facts, worker), key }, [
          { state: 'warning', reason, hint },
        ]),
      ];
    }),
  );
}

/** The queues a service is wired to, by their labels; `apart` where it puts a prefix before its keys. */
function listQueues({
  service,
  settings,
  wiring,
}: ServiceFacts): Map<string, { key: string; name: string; apart: boolean }> {
  const templates = Object.entries(settings.env);
  const found = templates.flatMap(([key, template]) =>
    listNames(template).flatMap((name) => {
      const [subject = '', what] = name.split('.');
      const part = what === 'url' || what === 'host' ? sharedPart(wiring, subject, service) : undefined;
      if (part === undefined || !isQueue(wiring, subject)) return [];
      const apart = templates.some(([, text]) => listNames(text).includes(`${subject}.prefix`));
      return [[part, { key, name: subject, apart }] as const];
    }),
  );
  return new Map(found);
}

function isQueue({ config, values }: ServiceFacts['wiring'], service: string): boolean {
  const settings = config.shared.services[service];
  return (
    settings !== undefined &&
    [service, resolveShared(service, settings, values).scheme].some((name) => QUEUES.test(name))
  );
}
