import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ComposeProject, composeDown, composeUp, findCompose } from '../../src/adapters/docker/compose.ts';
import { freePorts } from './ports.ts';
import { until } from './until.ts';

const BASE_FILE = path.resolve(import.meta.dirname, '../../docker-compose.base.yml');

/** The shared Postgres and Redis in containers, under names and on ports of their own. */
export interface SharedServices {
  project: ComposeProject;
  databaseUrl: string;
  redisUrl: string;
  /** Removes containers, data and network. */
  end(): Promise<void>;
}

/** Runs docker and gives what it said. */
export function docker(...args: string[]): { status: number | null; stdout: string } {
  return spawnSync('docker', args, { encoding: 'utf8' });
}

/** Returns a compose project for `docker-compose.base.yml`, with its network made and nothing started; `name` is the project's and the network's. */
export async function makeSharedProject(
  file = BASE_FILE,
  env: Record<string, string> = {},
  name = `stack-test-${randomBytes(4).toString('hex')}`,
): Promise<SharedServices> {
  const tool = await findCompose(process.env);
  if (!tool) throw new Error('no compose on this machine');
  const folder = mkdtempSync(path.join(tmpdir(), 'stack-compose-env-'));
  const ports = { STACK_POSTGRES_PORT: String(freePorts()), STACK_REDIS_PORT: String(freePorts()) };
  const passwords = { STACK_POSTGRES_PASSWORD: `p'"\\w`, STACK_REDIS_PASSWORD: `r'"\\ $w` };
  const project: ComposeProject = {
    command: tool.command,
    file,
    project: name,
    projectDir: path.dirname(file),
    env: { ...process.env, STACK_NETWORK: name, ...ports, ...passwords, ...env },
    values: {},
    envFile: path.join(folder, 'compose.env'),
  };
  docker('network', 'create', name);
  return {
    project,
    databaseUrl: `postgres://stack:${encodeURIComponent(passwords.STACK_POSTGRES_PASSWORD)}@127.0.0.1:${ports.STACK_POSTGRES_PORT}/stack`,
    redisUrl: `redis://:${encodeURIComponent(passwords.STACK_REDIS_PASSWORD)}@127.0.0.1:${ports.STACK_REDIS_PORT}`,
    async end() {
      await composeDown(project, { volumes: true });
      docker('network', 'rm', name);
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Starts both services and waits until they are healthy. */
export async function startShared(shared: SharedServices): Promise<void> {
  await composeUp(shared.project, ['postgres', 'redis']);
  await until(
    'Postgres and Redis are healthy',
    () => {
      const states = containersOf(shared.project.project);
      return states.length === 2 && states.every((state) => state.includes('(healthy)'));
    },
    60,
  );
}

/** Returns `name: status` of a project's containers, stopped ones included. */
export function containersOf(project: string): string[] {
  const filter = `label=com.docker.compose.project=${project}`;
  const format = '{{.Label "com.docker.compose.service"}}: {{.Status}}';
  return docker('ps', '--all', '--filter', filter, '--format', format).stdout.split('\n').filter(Boolean).sort();
}
