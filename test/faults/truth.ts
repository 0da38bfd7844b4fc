import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { dedicatedRepos, type InstanceRecord } from '../../src/domain/instance.ts';
import { LABELS, rootIdOf } from '../../src/domain/names.ts';
import { ownDatabase as databaseOf } from '../../src/domain/own.ts';
import type { InstanceView, StackView } from '../../src/domain/view.ts';
import type { Finding } from '../../src/orchestrator/doctor/finding.ts';
import { openClient } from '../support/engine.ts';
import type { Run } from '../support/product.ts';
import type { FaultWorld } from './world.ts';

/** Returns where `ps` and `doctor` say something else than what is there; [] when they tell the truth. */
export async function findLies(world: FaultWorld): Promise<string[]> {
  const [ps, doctor, running] = [
    await world.here('ps', '--json'),
    await world.here('doctor', '--json'),
    await listRunning(world),
  ];
  if (ps.code !== 0) return [`ps ended with ${ps.code}: ${ps.stdout}`];
  const view: StackView = JSON.parse(ps.stdout);
  const records = Object.values(world.state()?.instances ?? {});
  const names = records
    .map(({ ticket }) => ticket)
    .sort()
    .join();
  const shown = view.instances
    .map(({ ticket }) => ticket)
    .sort()
    .join();
  return [
    ...(names === shown ? [] : [`ps shows ${shown}, the state has ${names}`]),
    ...view.instances.flatMap((instance) => findInstanceLies(instance, running)),
    ...findServiceLies('baseline', view.baseline.services, running),
    ...records.flatMap((record) => findStatusLies(record, view.instances)),
    ...findDoctorLies(world, records, doctor),
  ];
}

function findInstanceLies({ ticket, services }: InstanceView, running: ReadonlySet<string>): string[] {
  return findServiceLies(ticket, services, running);
}

function findServiceLies(
  ticket: string,
  services: Record<string, { status: string }>,
  running: ReadonlySet<string>,
): string[] {
  return Object.entries(services).flatMap(([service, { status }]) => {
    const runs = running.has(`${ticket}/${service}`);
    return runs === (status === 'running')
      ? []
      : [`ps says ${ticket}/${service} is ${status}; it ${runs ? 'runs' : 'does not run'}`];
  });
}

function findStatusLies(record: InstanceRecord, views: readonly InstanceView[]): string[] {
  const view = views.find(({ ticket }) => ticket === record.ticket);
  if (!view) return [];
  const statuses = Object.values(view.services).map(({ status }) => status);
  const up = statuses.filter((status) => status === 'running' || status === 'starting');
  const all = statuses.every((status) => status === 'running');
  const rest = record.paused ? 'paused' : 'stopped';
  const wanted = isBroken(record) ? 'broken' : all ? 'running' : up.length > 0 ? 'partial' : rest;
  return view.status === wanted ? [] : [`ps says ${record.ticket} is ${view.status}, and not ${wanted}`];
}

function findDoctorLies(world: FaultWorld, records: readonly InstanceRecord[], { code, stdout }: Run): string[] {
  const { findings }: { findings: Finding[] } = JSON.parse(stdout);
  const bad = findings.filter(({ ok }) => !ok).map(({ subject }) => subject);
  const wanted = records.filter(isBroken).map(({ ticket }) => ticket);
  const missed = wanted
    .filter((ticket) => !bad.includes(ticket))
    .map((ticket) => `doctor sees nothing wrong in ${ticket}`);
  const unfilled = records.filter((record) => dedicatedRepos(record).some(([, { worktree }]) => !hasIndex(worktree)));
  const copies = records.filter(({ verifies }) => verifies !== undefined);
  const known = [...wanted, ...[...unfilled, ...copies].map(({ ticket }) => ticket), ...listCutOff(world)];
  const invented = findings.filter(({ ok, subject }) => !ok && !known.includes(subject));
  return [
    ...missed,
    ...invented.map(({ subject, text: said }) => `doctor finds fault with ${subject}: ${said}`),
    ...((code === 0) === (bad.length === 0) ? [] : [`doctor ended with ${code}`]),
  ];
}

/** Tickets whose branches a command was changing as one. */
function listCutOff(world: FaultWorld): string[] {
  const folder = world.at('.stack/changes');
  // What a recreate was to make is in the state.
  return [...(existsSync(folder) ? readdirSync(folder) : []), ...Object.keys(world.state()?.recreating ?? {})];
}

/**
 * Half made, half unmade, or without one of its worktrees; nobody is at it, since the command has ended. What a verification left is to go
 * however whole it is, so that nobody has to mend it.
 */
function isBroken(record: InstanceRecord): boolean {
  if (record.verifies !== undefined) return false;
  return (
    record.phase !== 'ready' ||
    dedicatedRepos(record).some(([, { worktree }]) => !existsSync(path.join(worktree, '.git')))
  );
}

/** False where git was ended before it had filled a worktree. */
function hasIndex(worktree: string): boolean {
  if (!existsSync(path.join(worktree, '.git'))) return false;
  const pointer = readFileSync(path.join(worktree, '.git'), 'utf8');
  return existsSync(path.join(pointer.replace('gitdir: ', '').trim(), 'index'));
}

/** Returns what really runs, `ticket/service`, by asking neither records nor stack. */
export async function listRunning(world: FaultWorld): Promise<ReadonlySet<string>> {
  return world.scene === 'docker' ? listContainers(world.root) : listServers(world.root);
}

async function listContainers(root: string): Promise<ReadonlySet<string>> {
  const client = await openClient();
  const found = await client.listContainers({ filters: { label: [`${LABELS.root}=${rootIdOf(root)}`] } });
  return new Set(found.map(({ Labels }) => `${Labels[LABELS.ticket]}/${Labels[LABELS.service]}`));
}

/** Processes of services; those of set-up commands have a `#` in their marker, and those that wait to begin run nothing yet. */
function listServers(root: string): ReadonlySet<string> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.flatMap((pid) => {
    const env = new Map(readProc(pid, 'environ').split('\0').map(splitPair));
    if (env.get('STACK_ROOT') !== root || env.get('STACK_WORKLOAD')?.includes('#') !== false) return [];
    if (/\) [ZX] /.test(readProc(pid, 'stat'))) return [];
    return [`${env.get('STACK_TICKET')}/${env.get('STACK_SERVICE')}`];
  });
  return new Set(found);
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Returns why a ticket does not run as it should: each service answers, for itself and with the others' true addresses. */
export async function findNotRunning(world: FaultWorld, ticket: string): Promise<string[]> {
  const view: StackView = JSON.parse((await world.here('ps', '--json')).stdout);
  const instance = view.instances.find((one) => one.ticket === ticket);
  if (instance?.status !== 'running') return [`${ticket} is ${instance?.status ?? 'gone'}, and not running`];
  const url = (repo: string): string | undefined => instance.repos[repo]?.url;
  const front = await ask(url('front'));
  const api = await ask(url('api'));
  const wanted = { ticket, service: 'front', api: url('api'), data: url('data') };
  return [
    ...differ('front', front, wanted),
    ...differ('api', api, { ticket, service: 'api', data: url('data'), ...ownDatabase(world, ticket) }),
    ...differ('data', await ask(url('data')), {
      ticket: instance.repos.data?.mode === 'dedicated' ? ticket : 'baseline',
      service: 'data',
    }),
    ...findEnvLies(instance, wanted),
  ];
}

/** What the API says when it is on the ticket's own database, and the migration was run there once. */
function ownDatabase(world: FaultWorld, ticket: string): object {
  const database = databaseOf('postgres', world.state()?.instances[ticket]?.own)?.database;
  return database === undefined ? {} : { database, migrated: '1' };
}

function findEnvLies(instance: InstanceView, wanted: { api: string | undefined; data: string | undefined }): string[] {
  const front = instance.repos.front;
  if (front?.mode !== 'dedicated' || front.worktree === undefined) return ['front is borrowed'];
  const text = readFileSync(path.join(front.worktree, '.env.local'), 'utf8');
  const missing = [`API_URL="${wanted.api}"`, `DATA_URL="${wanted.data}"`].filter(
    (line) => !text.replaceAll("'", '"').includes(line) && !text.includes(line.replaceAll('"', '')),
  );
  return missing.map((line) => `the env file of front lacks ${line}`);
}

async function ask(url: string | undefined): Promise<unknown> {
  return fetch(url ?? 'http://localhost:1').then(
    (answer) => answer.json(),
    (error: Error) => error.message,
  );
}

function differ(service: string, answer: unknown, wanted: object): string[] {
  const told = JSON.stringify(answer);
  return told === JSON.stringify(wanted) ? [] : [`${service} answers ${told}, and not ${JSON.stringify(wanted)}`];
}
