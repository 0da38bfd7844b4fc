import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { isThere } from '../../adapters/files/files.ts';
import { refuseLink } from '../../adapters/files/own-folders.ts';
import { canonicalPath } from '../../adapters/git/worktree/entry.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';
import { NEAR_TRASH } from '../../domain/names.ts';
import type { Rescue } from '../../domain/rescue.ts';
import { listTicketNames, type Wiring } from '../../domain/wiring.ts';
import type { Stack } from './stack.ts';

/** One instance while a command changes it. The record is live: new leases and finished set-ups land in it at once. */
export interface Work {
  readonly stack: Stack;
  /** Undefined when stack.yml is gone or broken: then things can only be taken apart. */
  readonly config: StackConfig | undefined;
  readonly record: InstanceRecord;
  /** The baseline's record where the stack shares repos; the same object as `record` when that is what is worked on. */
  readonly baseline: InstanceRecord | undefined;
  /** Leases of the shared services. */
  readonly shared: StackState['shared'];
  /** `moved` names whose lease or password was changed on the way, so that what was wired before needs a second look. */
  readonly leases: { moved: Set<string> };
  /** True: what would be lost has been saved, so worktrees and branches may go as they are. */
  saved: boolean;
  /** True: images built for the instance are built again. */
  readonly rebuild: boolean;
  /** True: `migrate:` commands run, also on the database that all share. */
  readonly migrate: boolean;
  /** What is put into the baseline's database; without a wish it is filled while it is empty. */
  readonly fill: { wish?: FillWish | undefined };
  /** Services whose worktree was made again in this run: what still runs of them is in a folder that is gone. */
  readonly needsRecreate: Set<string>;
  /** Repos that a ready ticket gets in this run: a branch of that name is not its own. */
  readonly fresh: readonly string[];
  /** What the ticket is made again from; undefined for a new one. */
  readonly rescue: Rescue | undefined;
  /** Where branches and worktrees were when they were saved: what came after that is in no rescue. */
  savedAs: Rescue | undefined;
  /** Repos whose saved files are back; '' stands for those beside the worktrees. */
  readonly broughtBack: Set<string>;
}

/** Which of the commands run on the baseline's database, whatever is in it. */
export interface FillWish {
  migrate: boolean;
  seed: boolean;
  /** It was wished of an empty database, and holds for one that is empty still. */
  ifEmpty?: boolean;
  /** What is in it in part goes first. */
  fromEmpty?: boolean;
}

type Parts = Pick<Work, 'stack' | 'config' | 'record' | 'baseline' | 'shared'>;

/** Returns the work on one instance. */
export function createWork(
  parts: Parts,
  options: Partial<Pick<Work, 'saved' | 'rebuild' | 'rescue' | 'migrate' | 'fresh'>> = {},
): Work {
  const begun = {
    leases: { moved: new Set<string>() },
    needsRecreate: new Set<string>(),
    broughtBack: new Set<string>(),
    fill: {},
  };
  const nothing = { saved: false, rebuild: false, migrate: false, rescue: undefined, savedAs: undefined, fresh: [] };
  return { ...parts, ...begun, ...nothing, ...options };
}

/** Returns the config of a work that must have one. Throws `config` (by asking for it again). */
export async function requireConfig(work: Work): Promise<StackConfig> {
  return work.config ?? (await work.stack.config());
}

/** Returns what `${…}` draws on for this work. */
export async function wiringOf(work: Work): Promise<Wiring> {
  const config = await requireConfig(work);
  const { record } = work;
  const named = Object.values(config.services).some((service) => listTicketNames(service).length > 0);
  const known = named ? (await work.stack.store.read()).instances : {};
  // A preview's record is in no state.
  const own = named && record.ticket !== BASELINE ? { [record.ticket]: record } : {};
  return {
    config,
    tickets: { ...known, ...own },
    values: work.stack.values,
    root: work.stack.root,
    record: work.record,
    baseline: work.baseline,
    shared: work.shared,
  };
}

/** Returns how a ticket signs what it leaves in a repo: several roots may share one, and call their tickets alike. */
export function ownerOf({ stack, record }: Pick<Work, 'stack' | 'record'>): string {
  return `${record.ticket} (${stack.rootId})`;
}

/** Returns what a work knows of a rescue. A quiet one has not all of the files. */
export function savedBy(rescue: Rescue | undefined): Pick<Work, 'saved' | 'savedAs'> {
  const savedAs = rescue?.quiet ? undefined : rescue;
  return { saved: savedAs !== undefined, savedAs };
}

/** Writes the record of a work into the state file. Throws `state`, `busy`, `files`. */
export async function saveRecord(work: Work): Promise<void> {
  await work.stack.store.update((draft) => putRecord(draft, work.record));
}

/** Puts a record in its place in the state. */
export function putRecord(draft: StackState, record: InstanceRecord): void {
  if (record.ticket === BASELINE) draft.baseline = record;
  else draft.instances[record.ticket] = record;
}

/**
 * Returns the folder that holds the tickets' folders: `worktrees:` of stack.yml, else `tickets/`, or beside a root that
 * is itself a git repo, so that watchers and linters of the main checkout do not see them. The way to a place outside of the root may
 * lead through links (`/tmp` on macOS), which git follows in what it writes down: containers then lack what that names. Throws `files`.
 */
export async function ticketsFolder(root: string, configured: string | undefined): Promise<string> {
  if (configured !== undefined) {
    const place = path.resolve(root, configured);
    return place.startsWith(`${root}/`) ? place : path.dirname(await canonicalPath(path.join(place, 'ticket')));
  }
  if (await isThere(path.join(root, '.git'))) {
    await refuseLink(`${root}.tickets`);
    return `${root}.tickets`;
  }
  return path.join(root, 'tickets');
}

/** Returns the trash of a ticket. A rename takes no time, but stays on its disk: where the worktrees are on another one, the trash is beside them. */
export async function findTrash({ stack, record }: Work): Promise<string> {
  const [root, folder] = await Promise.all([stat(stack.root), ifThere(stat(record.folder))]);
  const near = folder && folder.dev !== root.dev;
  return near ? path.join(path.dirname(record.folder), NEAR_TRASH) : inFolder(stack.root, 'trash');
}

/** Returns what the steps of `up` work on: the baseline, or a record of nothing where there is none. */
export function workOnBaseline(
  stack: Stack,
  config: StackConfig,
  state: Pick<StackState, 'shared'>,
  baseline: InstanceRecord | undefined,
): Work {
  const record: InstanceRecord = baseline ?? {
    ...{ ticket: BASELINE, argument: BASELINE, createdAt: '', phase: 'ready', started: true, folder: '' },
    repos: {},
    services: {},
  };
  return createWork({ stack, config, record, baseline, shared: state.shared });
}
