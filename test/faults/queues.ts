import { readdirSync, rmSync } from 'node:fs';
import { listCarriers } from '../support/processes.ts';
import { must } from './clear.ts';
import { TICKET } from './corners.ts';
import { bringBasesBack, commitFiles, findChanged, findHalf, hasIn, keepBases, leaveStaged, REPOS } from './moves.ts';
import type { Subject } from './subjects.ts';
import type { FaultWorld } from './world.ts';

const TICKETS = [TICKET, 'feat-02'] as const;
/** Passes where both repos have what the ticket brings. */
const VERIFY = 'cat front/*.brought api/*.brought';

/** Two tickets that are verified side by side, one on top of the other, and merged. */
export const QUEUES: readonly Subject[] = [
  {
    name: 'queue run',
    args: ['queue', 'run', '--verify', VERIFY],
    files: true,
    owns: true,
    waits: true,
    async prepare(world) {
      keepBases(world);
      for (const ticket of TICKETS) {
        await must(world, 'create', ticket, '--no-start');
        for (const repo of REPOS)
          commitFiles(world, `tickets/${ticket}/${repo}`, { [`${ticket}.brought`]: `Of ${ticket}.\n` });
      }
      for (const repo of REPOS) leaveStaged(world, repo);
      await must(world, 'queue', 'add', ...TICKETS);
    },
    async findUndone(world) {
      const undone = TICKETS.flatMap((ticket) =>
        REPOS.flatMap((repo) => (hasIn(world, repo, 'main', ticket) ? [] : [`${ticket} is not merged in ${repo}`])),
      );
      const said = (await listQueue(world)).map(({ ticket, state }) => `${ticket} ${state}`).join();
      return said === 'feat-01 merged,feat-02 merged' ? undone : [...undone, `the queue says ${said}`];
    },
    findWrong: async (world) => [
      ...TICKETS.flatMap((ticket) => findHalf(world, 'main', ticket)),
      ...REPOS.flatMap((repo) => findChanged(world, repo, ' M README.md\nA  mine.txt\n?? todo.txt')),
      ...TICKETS.flatMap((ticket) => REPOS.flatMap((repo) => findChanged(world, `tickets/${ticket}/${repo}`, ''))),
      ...(await findOff(world)),
      ...findCopies(world),
    ],
    unprepare(world) {
      bringBasesBack(world);
      rmSync(world.at('.stack/queue.json'), { force: true });
    },
  },
];

interface Entry {
  ticket: string;
  state: string;
}

async function listQueue(world: FaultWorld): Promise<Entry[]> {
  const run = await world.here('queue', 'list', '--json');
  if (run.code !== 0) return [{ ticket: 'queue list', state: `ended with ${run.code}: ${run.stdout}` }];
  return JSON.parse(run.stdout).queue;
}

/** The queue has both tickets, and takes none for merged that is not. */
async function findOff(world: FaultWorld): Promise<string[]> {
  const entries = await listQueue(world);
  const names = entries.map(({ ticket }) => ticket).join();
  const early = entries.filter(({ ticket, state }) => state === 'merged' && !hasIn(world, 'front', 'main', ticket));
  return [
    ...(names === TICKETS.join() ? [] : [`the queue has ${names}: ${JSON.stringify(entries)}`]),
    ...early.map(({ ticket }) => `the queue says that ${ticket} is merged`),
  ];
}

/** What is left of a copy in which a ticket was verified. */
function findCopies(world: FaultWorld): string[] {
  const records = Object.keys(world.state()?.instances ?? {}).filter((ticket) => ticket.startsWith('verify-'));
  const folders = readdirSync(world.at('tickets')).filter((name) => name.startsWith('verify-'));
  const kept = REPOS.map((repo) => world.git(repo, 'for-each-ref', '--format=%(refname)', 'refs/heads/verify-*'));
  const entries = REPOS.map((repo) => world.git(repo, 'worktree', 'list', '--porcelain'));
  return [
    ...records.map((ticket) => `the record of ${ticket} is left`),
    ...folders.map((name) => `tickets/${name} is left`),
    ...kept.filter(Boolean).map((refs) => `${refs} is left`),
    ...entries.filter((text) => text.includes('verify-')).map((text) => `a worktree is left: ${text}`),
    ...listCarriers(`STACK_ROOT=${world.root}\0`).map((pid) => `process ${pid} of a verification is left`),
  ];
}
