import path from 'node:path';
import type { Context } from '../../context.ts';
import { bestEffort } from '../../domain/errors.ts';
import { isOwnable } from '../../domain/own-kinds.ts';
import { cleanText } from '../../ui/safe-text.ts';

/** What a ticket has, by name. */
interface TicketNames {
  /** Of its own. */
  services: readonly string[];
  /** Repos that it borrows. */
  borrowed: readonly string[];
  /** Shared services of which it has something of its own. */
  own: readonly string[];
}

/** The names of a stack that may be typed. What takes a git to find out is asked for when it is needed. */
export interface Names {
  tickets: Readonly<Record<string, TicketNames>>;
  /** The ticket whose folder we are in. */
  here: string | undefined;
  repos: readonly string[];
  /** Repos that a ticket may borrow. */
  borrowable: readonly string[];
  services: readonly string[];
  /** Shared services of which a ticket may have something of its own. */
  ownable: readonly string[];
  /** What a branch of the repo may start from; `free`: branches that a ticket may work on. */
  refs(repo: string, options?: { free: boolean }): Promise<readonly string[]>;
  /** What may be restored, the newest first. */
  saved(): Promise<readonly { ticket: string; time: string }[]>;
}

/** What is known outside of any stack. */
const NO_NAMES: Names = {
  tickets: {},
  here: undefined,
  repos: [],
  borrowable: [],
  services: [],
  ownable: [],
  refs: async () => [],
  saved: async () => [],
};

/** Returns the names of the stack that we are in; none where it cannot be read. */
export async function readNames(context: Context): Promise<Names> {
  return (await bestEffort(readStack(context))) ?? NO_NAMES;
}

async function readStack(context: Context): Promise<Names> {
  const [stack, { ticket: here }] = await Promise.all([context.stack(), context.place()]);
  const [{ instances }, { repos, services, shared }] = await Promise.all([stack.store.read(), stack.config()]);
  const tickets = Object.entries(instances).map(([ticket, record]) => {
    const borrowed = Object.keys(record.repos).filter((repo) => record.repos[repo]?.mode === 'shared');
    return [ticket, { services: Object.keys(record.services), borrowed, own: Object.keys(record.own ?? {}) }] as const;
  });
  return {
    tickets: Object.fromEntries(tickets),
    here,
    repos: Object.keys(repos),
    borrowable: Object.keys(repos).filter((repo) => repos[repo]?.shared),
    services: Object.keys(services),
    ownable: Object.keys(shared.services).filter(isOwnable),
    async refs(repo, options) {
      const { listRefNames } = await import('../../adapters/git/ref-names.ts');
      const names = await listRefNames(path.resolve(stack.root, repos[repo]?.path ?? ''), options);
      // One that a terminal would not show as it is may pass for another.
      return names.filter((name) => cleanText(name) === name);
    },
    async saved() {
      const { listRescues } = await import('../../orchestrator/safety/rescues.ts');
      return listRescues(stack);
    },
  };
}
