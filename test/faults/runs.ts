import { agentsMarker, rootIdOf } from '../../src/domain/names.ts';
import type { RunView } from '../../src/domain/runs/run.ts';
import { listCarriers } from '../support/processes.ts';
import { must } from './clear.ts';
import { TICKET } from './corners.ts';
import type { Subject } from './subjects.ts';
import type { FaultWorld } from './world.ts';

const AGENT = ['-d', '--share', '--', 'sleep', '1000'];

/** Agents that are begun in terminals of their own. */
export const RUNS: readonly Subject[] = [
  {
    name: 'run',
    args: ['run', TICKET, '--no-start', ...AGENT],
    files: true,
    prepare: (world) => must(world, 'create', TICKET, '--no-start'),
    findUndone: async (world) => {
      const isThere = (await listRuns(world)).some(({ state }) => state === 'working');
      return isThere ? [] : ['no agent is at work'];
    },
    findWrong: findStrays,
  },
];

/** What an agent has started is of a run that is known, and one that was begun by a dead command is not said to begin. */
async function findStrays(world: FaultWorld): Promise<string[]> {
  const runs = await listRuns(world);
  const vague = runs.filter(({ state }) => state !== 'working' && state !== 'exited');
  const carried = listCarriers(`${agentsMarker(rootIdOf(world.root), TICKET)}#`);
  const living = runs.filter(({ state }) => state === 'working');
  return [
    ...vague.map(({ id, state }) => `run ${id} is ${state}`),
    ...(carried.length > 0 && living.length === 0 ? [`nobody knows of ${carried.join()}`] : []),
  ];
}

async function listRuns(world: FaultWorld): Promise<RunView[]> {
  return JSON.parse((await world.here('runs', '--all', '--json')).stdout).runs;
}
