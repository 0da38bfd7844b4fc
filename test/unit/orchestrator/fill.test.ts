import { describe, expect, it } from 'vitest';
import type { StackConfig } from '../../../src/domain/config/config.ts';
import type { InstanceRecord } from '../../../src/domain/instance.ts';
import { listPredecessors, type StepProgress, stepName } from '../../../src/domain/step.ts';
import { forgetMigrations } from '../../../src/orchestrator/data/own-database.ts';
import { fillStep, listFillCommands } from '../../../src/orchestrator/steps/fill.ts';
import { listTicketSteps } from '../../../src/orchestrator/steps/list.ts';
import { findHost } from '../../../src/orchestrator/steps/repo-command.ts';
import { config, makeWork } from './ticket.ts';

describe('an empty database of the baseline', () => {
  const work = makeWork({ runtime: 'process', own: false, provider: 'embedded' });
  const steps = listTicketSteps(work, config, 'ready');
  const listBefore = (name: string): string[] => {
    const found = steps.find(({ id }) => stepName(id) === name);
    return found ? listPredecessors(found).map(stepName) : [];
  };

  it('is filled once its server is there, and before a service of the baseline starts', () => {
    expect(listBefore('baseline workload api')).toContain('baseline fill');
    expect(listBefore('baseline workload worker')).toContain('baseline fill');
    expect(listBefore('baseline fill')).toEqual(expect.arrayContaining(['embedded postgres', 'shared services']));
  });

  it('is filled before tickets’ own databases are copied from it', () => {
    const own = listTicketSteps(makeWork({ runtime: 'process', own: true, provider: 'embedded' }), config, 'ready');
    const template = own.find(({ id }) => stepName(id) === 'template postgres');
    expect(template && listPredecessors(template).map(stepName)).toContain('baseline fill');
  });

  it('keeps no ticket that borrows nothing waiting for an image of the baseline’s', () => {
    const own = listTicketSteps(makeWork({ runtime: 'docker', own: true, provider: 'compose' }), config, 'ready');
    expect(own.map(({ id }) => stepName(id))).not.toContain('baseline fill');
  });

  it('is filled with the commands of repos that the baseline has, migrations first', () => {
    const { api } = config.repos;
    const seeded = {
      ...config,
      repos: { ...config.repos, api: { ...api!, seed: [{ run: 'x', shown: 'npm run seed' }] } },
    };
    expect(listFillCommands(work.baseline!, seeded)).toEqual(['npm run migrate', 'npm run seed']);
  });

  it('is filled beside the first service that is handed its address, and what sets a repo up beside the first of all', () => {
    const { worker } = config.services;
    const env = { DATABASE_URL: '$'.concat('{postgres.url}') };
    const handed = { ...config, services: { ...config.services, worker: { ...worker!, env } } };
    const host = (kind: 'setup' | 'migrate' | 'seed', of: StackConfig = handed) =>
      findHost(work.baseline!, of, { repo: 'api', kind });
    expect(host('setup')).toBe('api');
    expect([host('migrate'), host('seed')]).toEqual(['worker', 'worker']);
    expect(host('migrate', config)).toBe('api');
  });

  it('is migrated again, but where that was told to count as run while the ticket is made', () => {
    const made = (over: Partial<InstanceRecord>): InstanceRecord => {
      const { record } = makeWork({ runtime: 'process', own: true, provider: 'embedded' });
      Object.assign(record, over);
      Object.assign(record.repos.api!, { migrated: true });
      forgetMigrations(record);
      return record;
    };
    expect(made({ phase: 'creating' }).repos.api).toMatchObject({ migrated: true });
    expect(made({ unfinished: true }).repos.api).toMatchObject({ migrated: true });
    expect(made({}).repos.api).toMatchObject({ migrated: false });
  });

  it('is left alone after a no, and filled whatever is in it on a wish', async () => {
    const { baseline } = work;
    const inspect = (wish: { migrate: boolean; seed: boolean }) =>
      fillStep({ ...work, record: baseline!, fill: { wish } }, config, { needed: true }).inspect();
    expect(await inspect({ migrate: false, seed: false })).toBe('present');
    expect(await inspect({ migrate: false, seed: true })).toBe('absent');
  });

  it('fails nothing that can do without it', async () => {
    const told: string[] = [];
    const broken = makeWork(
      { runtime: 'process', own: true, provider: 'embedded' },
      { emit: (event) => void ('text' in event && told.push(event.text)), root: '/dev/null' },
    );
    const step = (needed: boolean) =>
      fillStep({ ...broken, record: broken.baseline!, fill: { wish: { migrate: true, seed: false } } }, config, {
        needed,
      });
    const progress: StepProgress = { signal: new AbortController().signal, note: () => undefined };
    await expect(step(true).apply(progress)).rejects.toThrow();
    await step(false).apply(progress);
    expect(told).toEqual([expect.stringContaining('`stack up --migrate` tries again')]);
  });
});
