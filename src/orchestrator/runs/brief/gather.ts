import path from 'node:path';
import { listHooks } from '../../../adapters/git/change/commit.ts';
import { findPushRemote } from '../../../adapters/git/change/push.ts';
import type { Brief } from '../../../domain/brief.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { ifAnswered } from '../../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, isBorrowed, type StackState } from '../../../domain/instance.ts';
import { withDatabase } from '../../../domain/own.ts';
import { quoteForShell } from '../../../domain/shell.ts';
import { documentsFolderOf } from '../../../domain/task.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import { addressOfOwn, addressOfShared } from '../../shared/address.ts';
import { findTestCommand } from '../../sources/test-command.ts';

/** Those that stand in the way of who commits and pushes. */
const HOOKS = ['pre-commit', 'commit-msg', 'pre-push'];

/**
 * Returns what is told of a ticket, from its record, stack.yml where it can be read, and its worktrees. `documents` are those in its folder.
 * Throws `state`, `config`.
 */
export async function gatherBrief(stack: Stack, record: InstanceRecord, documents: readonly string[]): Promise<Brief> {
  const [state, config] = await Promise.all([stack.store.read(), configIfReadable(stack)]);
  const task = record.documents?.find(({ isTask }) => isTask);
  const taskFile = task && `${documentsFolderOf(record.repos)}/${task.name}`;
  const [repos, tests] = await Promise.all([listRepos(record), listTests(record, config)]);
  const shared = listShared(stack, record, { state, config });
  return {
    ...{
      ticket: record.ticket,
      stack: stack.name,
      task: record.task,
      taskFile,
      issue: record.issue?.url,
      repos,
      tests,
      shared,
    },
    borrowed: Object.entries(record.repos).flatMap(([name, { mode }]) => {
      const from = state.baseline?.repos[name];
      return mode === 'shared' ? [{ name, path: from?.mode === 'dedicated' ? from.path : undefined }] : [];
    }),
    services: listServices(record, state),
    hasDatabase: shared.some(({ name }) => name === 'postgres'),
    documents: documents.filter((file) => file !== taskFile),
    ...{ conventions: config?.conventions, verify: config?.verify },
  };
}

/** What git does not tell of a repo is left out. */
async function listRepos({ folder, repos }: InstanceRecord): Promise<Brief['repos']> {
  return Promise.all(
    dedicatedRepos({ repos }).map(async ([name, { worktree, branch, base }]) => {
      const [place, hooks] = await Promise.all([
        ifAnswered(findPushRemote(worktree, branch)),
        ifAnswered(listHooks(worktree, HOOKS)),
      ]);
      const where = path.relative(folder, worktree);
      return { name, folder: where, branch, base, remote: place?.remote, hooks: hooks ?? [] };
    }),
  );
}

/** The tests of a service run beside it, in its folder; those of a repo without one in its worktree. */
async function listTests(record: InstanceRecord, config: StackConfig | undefined): Promise<Brief['tests']> {
  const { ticket, folder, services } = record;
  const found = dedicatedRepos(record).map(async ([repo, { worktree }]) => {
    const own = Object.keys(services).filter((name) => services[name]?.repo === repo);
    // Several services may share a folder.
    const places = new Map(own.toReversed().map((name) => [config?.services[name]?.dir ?? '', name]));
    const at = places.size === 0 ? [['', undefined] as const] : [...places].toReversed();
    return Promise.all(
      at.map(async ([dir, service]) => {
        const line = await findTestCommand(path.join(worktree, dir));
        if (line === undefined) return [];
        const inside = `(cd ${quoteForShell(path.relative(folder, worktree))} && ${line})`;
        const command = service === undefined ? inside : `stack exec ${ticket} ${service} -- ${line}`;
        return [{ of: places.size > 1 ? (service ?? repo) : repo, command }];
      }),
    );
  });
  return (await Promise.all(found)).flat(2);
}

function listServices(record: InstanceRecord, { baseline }: StackState): Brief['services'] {
  const lent = Object.entries(baseline?.services ?? {}).filter(([name]) => isBorrowed(record, baseline, name));
  const own = Object.entries(record.services);
  return [...own, ...lent].map(([name, { repo, ports }]) => {
    const [first, ...others] = Object.entries(ports);
    return {
      ...{ name, repo, borrowed: !Object.hasOwn(record.services, name) },
      url: first && `http://localhost:${first[1].host}`,
      ports: Object.fromEntries(others.map(([key, { host }]) => [key, host])),
    };
  });
}

function listShared(
  stack: Stack,
  { own = {} }: InstanceRecord,
  { state, config }: { state: StackState; config: StackConfig | undefined },
): Brief['shared'] {
  return Object.entries(config?.shared.services ?? {}).map(([name, settings]) => {
    const part = Object.hasOwn(own, name) ? own[name] : undefined;
    if (part?.as === 'server') return { name, url: addressOfOwn(stack, name, settings, part), own: true };
    const url = addressOfShared(stack, name, settings, state.shared[name]);
    if (part === undefined) return { name, url, own: false };
    return {
      name,
      url: withDatabase(url, part.as === 'database' ? part.database : String(part.number ?? 0)),
      own: true,
    };
  });
}
