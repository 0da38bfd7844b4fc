import { existsSync, readdirSync, rmSync } from 'node:fs';
import { isTemporary } from '../../src/adapters/files/temporary.ts';
import type { Rescue } from '../../src/domain/rescue.ts';
import { until } from '../support/until.ts';
import { findLeftData } from './data.ts';
import { listRunning } from './truth.ts';
import { type FaultWorld, ownsData } from './world.ts';

/** Destroys what is there and takes everything down. Returns what survives it. */
export async function clear(world: FaultWorld): Promise<string[]> {
  const problems: string[] = [];
  const tickets = Object.keys(world.state()?.instances ?? {});
  // The logs of a create that failed tell why, and stay until the ticket is there again.
  for (const name of existsSync(world.at('.stack/logs')) ? readdirSync(world.at('.stack/logs')) : []) {
    if (name !== 'baseline' && !tickets.includes(name))
      rmSync(world.at('.stack/logs', name), { recursive: true, force: true, maxRetries: 3 });
  }
  for (const ticket of tickets) {
    const run = await world.here('destroy', ticket, '--no-dump', '--json');
    if (run.code !== 0) problems.push(`destroy ended with ${run.code}: ${run.stdout}`);
  }
  if (ownsData(world.scene)) {
    if (existsSync(world.at('.stack/dumps'))) await world.here('restore', 'feat-01', '--forget', '--yes', '--json');
    problems.push(...(await findLeftData(world)));
    rmSync(world.at('.stack/dumps'), { recursive: true, force: true, maxRetries: 3 });
  }
  const run = await world.here('down', '--json');
  if (run.code !== 0) problems.push(`down ended with ${run.code}: ${run.stdout}`);
  // Whoever is killed while it takes the last record away, or asks of its agents, or verifies, leaves its lock and its text for the next write, or for doctor.
  if (world.listKept().some(isLitter)) await world.here('doctor', '--fix', '--yes', '--json');
  return [...problems, ...(await untilNone(() => findRemains(world)))];
}

function isLitter(file: string): boolean {
  return file === 'state.lock' || /^(change|runs)-.*\.lock$/.test(file) || isTemporary(file);
}

async function findRemains(world: FaultWorld): Promise<string[]> {
  const tickets = Object.keys(world.state()?.instances ?? {}).map((ticket) => `the record of ${ticket} is left`);
  const kept = world.listKept().map((file) => `.stack/${file} is left`);
  return [...tickets, ...kept, ...(await findRunning(world, ''))];
}

export async function findRunning(world: FaultWorld, ticket: string): Promise<string[]> {
  const running = [...(await listRunning(world))].filter((name) => name.startsWith(ticket));
  return running.map((name) => `${name} still runs`);
}

/** What a killed command started may need a moment to end: gives what is still found at the deadline. */
export async function untilNone(find: () => Promise<string[]>): Promise<string[]> {
  let found: string[] = [];
  const isNone = async (): Promise<boolean> => {
    found = await find();
    return found.length === 0;
  };
  await until('all is well', isNone, 8).catch(() => undefined);
  return found;
}

/** Deletes all that destroys have saved, the quiet rescues of commits too. */
export async function forgetRescues(world: FaultWorld): Promise<void> {
  const listed: { rescues: Rescue[] } = JSON.parse((await world.here('restore', '--list', '--json')).stdout);
  for (const { ticket, time } of listed.rescues)
    await must(world, 'restore', ticket, '--time', time, '--forget', '--yes');
  for (const repo of ['front', 'api', 'data']) {
    const refs = world.git(repo, 'for-each-ref', '--format=%(refname)', 'refs/stack').split('\n').filter(Boolean);
    for (const ref of refs) world.git(repo, 'update-ref', '-d', ref);
    // Git leaves the folder.
    rmSync(world.at(repo, '.git/refs/stack'), { recursive: true, force: true, maxRetries: 3 });
  }
}

export async function must(world: FaultWorld, ...args: string[]): Promise<void> {
  const run = await world.here(...args, '--json');
  if (run.code !== 0) throw new Error(`stack ${args.join(' ')} ended with ${run.code}: ${run.stdout}${run.stderr}`);
}

/** Returns the lines of which only one of two texts has them. */
export function compare(before: string, after: string): string {
  const [old, now] = [new Set(before.split('\n')), new Set(after.split('\n'))];
  const gone = [...old].filter((line) => !now.has(line)).map((line) => `- ${line}`);
  const come = [...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].slice(0, 20).join('\n');
}
