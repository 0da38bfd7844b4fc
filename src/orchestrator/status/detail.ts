import path from 'node:path';
import { isThere } from '../../adapters/files/files.ts';
import { type InstanceRecord, isBorrowed, type StackState } from '../../domain/instance.ts';
import { briefFileOf, notesFileOf } from '../../domain/layout.ts';
import { documentsFolderOf } from '../../domain/task.ts';
import type { InstanceStatus, InstanceView, ServiceStatus, StackView } from '../../domain/view.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { readTask } from '../runs/brief/documents.ts';
import { findPlace } from '../workloads/place.ts';
import { lookAtStack } from './view.ts';

/** All of one ticket: the JSON of `stack here` and `stack show`; fields may be added only. */
export interface TicketDetail {
  ticket: string;
  root: string;
  stack: string;
  /** The repo whose worktree we are in, and the service whose folder it is, where that is one alone. */
  repo: string | null;
  service: string | null;
  status: InstanceStatus;
  folder: string;
  createdAt: string;
  /** What is to be done, its title first, and the page of the issue that says so. */
  task: string | null;
  issue: string | null;
  repos: InstanceView['repos'];
  /** Addresses by service, the baseline's where it is borrowed. */
  urls: Record<string, string>;
  services: Record<string, ServiceDetail>;
  /** Shared services: the ticket's own address where it has its own. */
  shared: Record<string, SharedDetail>;
  problems: string[];
  /** Absolute paths of what is written for people and agents. */
  files: {
    /** What is told of the ticket itself. */
    brief?: string;
    notes?: string;
    /** What tells more of the task. */
    documents?: string[];
  };
}

interface ServiceDetail {
  repo: string;
  status: ServiceStatus;
  ports: Record<string, number>;
  /** True: it is the baseline's. */
  borrowed: boolean;
}

interface SharedDetail {
  url: string;
  status: string;
  /** What the ticket has of it for itself: a database, a number, or `server`; null: it shares it as it is. */
  own: string | null;
}

/** Returns all that is known of a ticket. `cwd` tells the repo and service. Throws `not-found`, `config`, `state`. */
export async function describeTicket(stack: Stack, ticket: string, cwd?: string): Promise<TicketDetail> {
  requireInstance(await stack.store.read(), ticket);
  const { state, view } = await lookAtStack(stack, [ticket]);
  const record = requireInstance(state, ticket);
  const instance = view.instances.find((one) => one.ticket === record.ticket) as InstanceView;
  const services = { ...listBorrowed(state, record, view), ...listOwn(instance) };
  const urls = Object.entries(services).flatMap(([name, { ports }]): [string, string][] => {
    const [port] = Object.values(ports);
    return port === undefined ? [] : [[name, `http://localhost:${port}`]];
  });
  const [task, files] = await Promise.all([readTask(stack, record), listFiles(record)]);
  return {
    ...{ ticket: record.ticket, root: stack.root, stack: stack.name },
    ...(cwd === undefined ? { repo: null, service: null } : await findPlace(stack, record, cwd)),
    ...{ status: instance.status, folder: record.folder, createdAt: record.createdAt, repos: instance.repos },
    ...{ task: task ?? null, issue: record.issue?.url ?? null },
    ...{ urls: Object.fromEntries(urls), services, shared: listShared(instance, view), problems: instance.problems },
    files,
  };
}

async function listFiles({ folder, repos, documents = [] }: InstanceRecord): Promise<TicketDetail['files']> {
  const find = async (file: string): Promise<string[]> => ((await isThere(file)) ? [file] : []);
  const [brief] = await find(briefFileOf(folder));
  const [notes] = await find(notesFileOf(folder));
  const place = path.join(folder, documentsFolderOf(repos));
  const others = documents.filter(({ isTask }) => !isTask).map(({ name }) => path.join(place, name));
  const found = (await Promise.all(others.map(find))).flat();
  return { ...(brief && { brief }), ...(notes && { notes }), ...(found.length > 0 && { documents: found }) };
}

function listOwn({ services }: InstanceView): Record<string, ServiceDetail> {
  const own = Object.entries(services).map(([name, { repo, status, ports }]): [string, ServiceDetail] => {
    return [name, { repo, status, ports, borrowed: false }];
  });
  return Object.fromEntries(own);
}

function listBorrowed(
  { baseline }: StackState,
  record: InstanceRecord,
  { baseline: { services } }: StackView,
): Record<string, ServiceDetail> {
  const lent = Object.entries(services).filter(([name]) => isBorrowed(record, baseline, name));
  const borrowed = lent.map(([name, { repo, status, ports }]): [string, ServiceDetail] => {
    return [name, { repo, status, ports, borrowed: true }];
  });
  return Object.fromEntries(borrowed);
}

function listShared(instance: InstanceView, { shared }: StackView): Record<string, SharedDetail> {
  const all = Object.entries(shared).map(([name, { url, status }]): [string, SharedDetail] => {
    const part = instance.own?.[name];
    if (part?.server) return [name, { url: part.server.url, status: part.server.status, own: 'server' }];
    const own = part?.database ?? part?.db?.toString() ?? null;
    return [name, { url: own === null ? url : withPath(url, own), status, own }];
  });
  return Object.fromEntries(all);
}

/** The database is the path of an address, by its name or its number. */
function withPath(address: string, name: string): string {
  const url = new URL(address);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}
