import { BASELINE } from '../instance.ts';
import { ownServer } from '../own.ts';
import { traitsOf } from '../runtime.ts';
import { listNames } from '../template.ts';
import { firstPort, resolveName, type Wiring } from '../wiring.ts';
import { type Address, findAddresses, maskValue } from './address.ts';
import { type Endpoint, findEndpoint, isContainerItself, labelEndpoint } from './endpoints.ts';
import type { CheckFacts, ServiceFacts, Trouble } from './link.ts';

/** Returns a shared service's name with the part of it that an address leads to: `postgres/shop`, `redis/0`. */
function labelShared(service: string, { scheme, path }: Pick<Address, 'scheme' | 'path'>): string {
  const part = path === '' && /^rediss?$/.test(scheme ?? '') ? '0' : path;
  return part === '' || /^https?$/.test(scheme ?? '') ? service : `${service}/${part}`;
}

/** Returns that of the shared service an instance is wired to; undefined while nothing is known of it. */
export function sharedPart(wiring: Wiring, service: string, viewer?: string): string | undefined {
  if (ownServer(service, wiring.record.own)) return labelEndpoint({ instance: wiring.record.ticket, service }, '');
  const from = viewer ?? Object.keys(wiring.record.services)[0] ?? '';
  const [address] = findAddresses('', resolveName(wiring, from, `${service}.url`) ?? '');
  return address && labelShared(service, address);
}

/** Returns an endpoint's name as the graph has it. */
export function labelTarget(facts: CheckFacts, from: ServiceFacts, endpoint: Endpoint): string {
  if (endpoint.instance !== undefined) return labelEndpoint(endpoint, facts.wiring.record.ticket);
  return sharedPart(from.wiring, endpoint.service, from.service) ?? endpoint.service;
}

/** Returns a variable's value as it may be shown: what came from the environment and a server's password is for nobody's eyes. */
export function showValue({ services }: CheckFacts, key: string, value: string): string {
  const isSecret = services.some(
    ({ settings: { env, fromEnv } }) =>
      fromEnv?.includes(key) || listNames(env[key] ?? '').some((name) => name.endsWith('.password')),
  );
  return isSecret ? '***' : maskValue(key, value);
}

/** Says what is wrong with where an address leads, seen from a service; undefined for nothing. */
export function judgeAddress(facts: CheckFacts, from: ServiceFacts, address: Address): Trouble | undefined {
  const endpoint = findEndpoint(facts.directory, address);
  if (!endpoint) return undefined;
  if (endpoint.instance === undefined) return judgeShared(facts, from, address, endpoint.service);
  const { record } = from.wiring;
  if (endpoint.instance === record.ticket) return undefined;
  const label = labelEndpoint(endpoint, facts.wiring.record.ticket);
  const own = record.services[endpoint.service];
  if (endpoint.instance === BASELINE && !own) return undefined;
  const port = own && firstPort(own)?.host;
  const reason =
    port === undefined
      ? `leads to ${label}`
      : `leads to ${label}; ${record.ticket} has its own at http://localhost:${port}`;
  return { state: 'wrong', reason };
}

function judgeShared(facts: CheckFacts, from: ServiceFacts, address: Address, service: string): Trouble | undefined {
  const { record, baseline } = from.wiring;
  const isInside = traitsOf(from.own).network;
  if (isInside && address.scheme !== undefined && isContainerItself(address) && !isWeb(address)) {
    return { state: 'wrong', reason: `in a container ${address.host} is the container itself, not ${service}` };
  }
  const wanted = sharedPart(from.wiring, service, from.service);
  if (address.scheme === undefined || wanted === undefined) return undefined;
  const part = labelShared(service, address);
  if (part === wanted) return undefined;
  const holder = facts.others.find((other) => sharedPart(other, service) === part);
  const common = baseline && sharedPart({ ...from.wiring, record: baseline }, service);
  if (holder && part !== common) {
    return {
      state: 'wrong',
      reason: `leads to ${part}, which is ${holder.record.ticket}’s; ${record.ticket} has ${wanted}`,
    };
  }
  const isOwn = common !== undefined && common !== wanted;
  return { state: isOwn ? 'wrong' : 'warning', reason: `leads to ${part}; ${record.ticket} has ${wanted}` };
}

function isWeb({ scheme }: Address): boolean {
  return /^(https?|wss?)$/.test(scheme ?? '');
}
