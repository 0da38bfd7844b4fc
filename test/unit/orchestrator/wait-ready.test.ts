import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StackError } from '../../../src/domain/errors.ts';
import type { LogLine, LogOptions, Runtime, WorkloadStatus } from '../../../src/domain/runtime.ts';
import { readyStep } from '../../../src/orchestrator/steps/ready.ts';
import { makeTemp } from '../../support/temp.ts';
import { config, makeWork } from './ticket.ts';

const progress = { signal: new AbortController().signal, note: () => undefined };

interface World {
  /** What each look finds, the last one again and again. */
  found: Partial<WorkloadStatus>[];
  /** What each follow of the log gives, the last one again and again. */
  follows: ((signal: AbortSignal | undefined) => AsyncIterable<string>)[];
  watch: Runtime['watch'];
  /** How long the line is waited for. */
  seconds: number;
}

/** Returns the wait for `up and well` of a service whose runtime is as said, and whether it noted the line. */
function makeWait(world: Partial<World>) {
  const { found = [{ startedAt: 1 }], follows = [never], watch = async (_, onChange) => onChange() } = world;
  const runtime: Partial<Runtime> = {
    watch,
    async status() {
      const [now] = found.length > 1 ? found.splice(0, 1) : found;
      return [{ service: 'front', name: 'front', state: 'running', ...now } as WorkloadStatus];
    },
    async *logs(_, { follow, signal }: LogOptions): AsyncGenerator<LogLine> {
      const [next] = follows.length > 1 ? follows.splice(0, 1) : follows;
      if (follow && next) for await (const text of next(signal)) yield { stream: 'stdout', text };
    },
  };
  const root = makeTemp();
  const work = makeWork(
    { runtime: 'process', own: false, provider: 'embedded' },
    { root, runtime: async () => runtime as Runtime },
  );
  const { front } = config.services;
  const ready = { log: '^up and well$', timeoutSeconds: world.seconds ?? 0.5 };
  const asking = {
    ...work,
    config: { ...config, services: { ...config.services, ...(front && { front: { ...front, ready } }) } },
  };
  return {
    apply: () => readyStep(asking, 'front').apply(progress),
    hasNoted: () => existsSync(path.join(root, '.stack')),
  };
}

async function* never(signal: AbortSignal | undefined): AsyncGenerator<string> {
  await wait(1e6, undefined, { signal }).catch(() => undefined);
}
async function* printed(): AsyncGenerator<string> {
  yield 'up and well';
}
const breaks = (error: Error) =>
  // biome-ignore lint/correctness/useYield: it breaks before its first line.
  async function* (): AsyncGenerator<string> {
    throw error;
  };

const missing = { code: 'unhealthy', message: expect.stringContaining('no log line matches ^up and well$') };

describe('who waits for a line of a log', () => {
  it.each<[string, Partial<WorkloadStatus>]>([
    ['runs', {}],
    ['is being started', { state: 'starting' }],
  ])('does not take it as printed because the moment is unknown at which what %s began', async (_, found) => {
    await expect(makeWait({ found: [found] }).apply()).rejects.toMatchObject(missing);
  });

  it('sees it where that moment is unknown', async () => {
    await makeWait({ found: [{}], follows: [printed], seconds: 20 }).apply();
  });

  it('asks for it of the run that is there last, not of the one that printed it', async () => {
    const wait = makeWait({
      found: [{ startedAt: 1 }, { startedAt: 2 }],
      follows: [printed, never],
      watch: async () => {},
    });
    await expect(wait.apply()).rejects.toMatchObject(missing);
  });

  it('reads on where the engine broke off', async () => {
    await makeWait({ follows: [breaks(new StackError('engine', 'it broke off')), printed], seconds: 20 }).apply();
  });

  it('fails where anything else is in the way', async () => {
    const { apply } = makeWait({ follows: [breaks(new StackError('files', 'no access')), printed] });
    await expect(apply()).rejects.toMatchObject({ code: 'files' });
  });

  it('does not note it once it has stopped waiting', async () => {
    const { apply, hasNoted } = makeWait({
      follows: [
        async function* (signal) {
          yield* never(signal);
          yield 'up and well';
        },
      ],
    });
    await expect(apply()).rejects.toMatchObject(missing);
    expect(hasNoted()).toBe(false);
  });
});
