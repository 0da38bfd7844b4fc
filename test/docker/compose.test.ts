import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComposeProject, composeDown, composeUp, findCompose } from '../../src/adapters/docker/compose.ts';
import { findTestEngine } from '../support/engine.ts';
import {
  containersOf,
  docker,
  makeSharedProject,
  type SharedServices,
  startShared,
} from '../support/shared-services.ts';

const engine = await findTestEngine();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'stack-compose-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function writeScript(file: string, text: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return path.dirname(file);
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

describe('which compose there is', () => {
  it('is the plugin, before the program', async () => {
    const both = writeScript(path.join(folder, 'both/docker'), 'echo v2.24.5');
    writeScript(path.join(folder, 'both/docker-compose'), 'echo 1.29.2');
    expect(await findCompose({ PATH: both })).toEqual({ command: ['docker', 'compose'], version: '2.24.5' });
  });

  it('is the program, where docker knows no compose', async () => {
    const one = writeScript(
      path.join(folder, 'one/docker'),
      'echo "docker: compose is not a docker command" >&2; exit 1',
    );
    writeScript(path.join(folder, 'one/docker-compose'), 'echo 1.29.2');
    expect(await findCompose({ PATH: one })).toEqual({ command: ['docker-compose'], version: '1.29.2' });
  });

  it('is none, where nothing is installed', async () => {
    expect(await findCompose({ PATH: path.join(folder, 'nothing') })).toBeUndefined();
  });
});

describe('a program called docker-compose', () => {
  it.each([
    ['1.29.2', 'down --remove-orphans'],
    ['2.30.3', '--profile * down --remove-orphans'],
  ])('of version %s has services of a profile removed in its own way', async (version, asked) => {
    const at = path.join(folder, version);
    writeScript(path.join(at, 'docker-compose'), `echo ${version}; echo "$*" >> ${at}/asked`);
    const tool = await findCompose({ PATH: at });
    const place = { file: 'none.yml', project: 'none', projectDir: at, envFile: path.join(at, 'compose.env') };
    await composeDown({ ...tool!, ...place, env: { PATH: at }, values: {} }, { volumes: false });
    expect(readFileSync(path.join(at, 'asked'), 'utf8')).toMatch(` --project-directory ${at} ${asked}\n`);
  });
});

describe('a compose that is slow', () => {
  it('is ended when the command is interrupted', async () => {
    const program = path.join(folder, 'slow/compose');
    writeScript(program, 'echo begun; exec sleep 1000');
    const stop = new AbortController();
    const project: ComposeProject = {
      command: [program],
      file: 'none.yml',
      project: 'none',
      projectDir: folder,
      env: { PATH: process.env.PATH },
      values: {},
      envFile: path.join(folder, 'slow/compose.env'),
      onLine: () => stop.abort(),
      signal: stop.signal,
    };
    expect(await failure(composeUp(project, ['postgres']))).toMatchObject({ code: 'interrupted' });
  });
});

describe.skipIf(!engine)('the shared services', () => {
  let shared: SharedServices;

  beforeAll(async () => {
    shared = await makeSharedProject();
    await startShared(shared);
  });

  afterAll(() => shared.end());

  it('answer with the credentials and ports they were given', async () => {
    const postgres = new pg.Client({ connectionString: shared.databaseUrl });
    await postgres.connect();
    expect((await postgres.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'stack' }]);
    await postgres.end();
    const redis = createClient({ url: shared.redisUrl });
    await redis.connect();
    expect(await redis.ping()).toBe('PONG');
    await redis.close();
  });

  it('are on this machine alone, and by name in the network of the stack', () => {
    const { project } = shared.project;
    const ids = docker('ps', '-q', '--filter', `label=com.docker.compose.project=${project}`).stdout.trim().split('\n');
    const format = '{{json .NetworkSettings.Ports}} {{json .NetworkSettings.Networks}}';
    const facts = docker('inspect', '--format', format, ...ids).stdout;
    expect(facts.match(/"HostIp":"[^"]*"/g)).toEqual(['"HostIp":"127.0.0.1"', '"HostIp":"127.0.0.1"']);
    const reach =
      'for (const [h, p] of [["postgres", 5432], ["redis", 6379]]) require("net").connect(p, h, () => { console.log(h); process.exitCode = 0 }).unref()';
    const answer = docker(
      'run',
      '--rm',
      '--network',
      project,
      'node:22-alpine',
      'node',
      '-e',
      `${reach}; setTimeout(() => {}, 500)`,
    );
    expect(answer.stdout.trim().split('\n').sort()).toEqual(['postgres', 'redis']);
  });

  it('keep no more of their output than 20 MB each', () => {
    const ids = docker('ps', '-q', '--filter', `label=com.docker.compose.project=${shared.project.project}`).stdout;
    const format = '{{json .HostConfig.LogConfig}}';
    const facts = docker('inspect', '--format', format, ...ids.trim().split('\n'))
      .stdout.trim()
      .split('\n');
    const bounded = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } };
    expect(facts.map((fact) => JSON.parse(fact))).toEqual([bounded, bounded]);
  });

  it('are left alone by a second up', async () => {
    const ids = () =>
      docker('ps', '-q', '--no-trunc', '--filter', `label=com.docker.compose.project=${shared.project.project}`).stdout;
    const before = ids();
    await composeUp(shared.project, ['postgres', 'redis']);
    expect(ids()).toBe(before);
  });

  it('keep their data over down, until it is thrown away', async () => {
    const query = async (text: string) => {
      const client = new pg.Client({ connectionString: shared.databaseUrl });
      await client.connect();
      return (await client.query(text).finally(() => client.end())).rows;
    };
    await query('CREATE TABLE kept AS SELECT 42 AS answer');
    await composeDown(shared.project, { volumes: false });
    expect(containersOf(shared.project.project)).toEqual([]);
    await startShared(shared);
    expect(await query('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await composeDown(shared.project, { volumes: true });
    await composeDown(shared.project, { volumes: true });
    await startShared(shared);
    expect(await query(`SELECT to_regclass('kept') AS kept`)).toEqual([{ kept: null }]);
  });
});

describe.skipIf(!engine)('a team’s own compose file', () => {
  const text = (port: string) => `
services:
  db: { image: node:22-alpine, init: true, command: sleep 1000, ports: ['127.0.0.1:${port}:5000'], depends_on: [seed] }
  seed: { image: node:22-alpine, init: true, command: sleep 1000 }
  mail: { image: node:22-alpine, init: true, command: sleep 1000 }
  extra: { image: node:22-alpine, init: true, command: sleep 1000, profiles: [extra] }
networks: { default: { name: '\${STACK_NETWORK}', external: true } }
`;

  async function withProject(port: string, work: (project: ComposeProject) => Promise<void>): Promise<void> {
    const file = path.join(folder, 'team.yml');
    writeFileSync(file, text(port));
    const shared = await makeSharedProject(file);
    try {
      await work(shared.project);
    } finally {
      await shared.end();
    }
  }

  it('has the services started that are asked for, and what they need', async () => {
    await withProject('0', async (project) => {
      const lines: string[] = [];
      await composeUp({ ...project, onLine: (line) => lines.push(line) }, ['db']);
      expect(containersOf(project.project)).toEqual([
        expect.stringMatching(/^db: Up/),
        expect.stringMatching(/^seed: Up/),
      ]);
      expect(lines.join('\n')).toContain('db');
    });
  });

  it('has services of a profile removed with the others', async () => {
    await withProject('0', async (project) => {
      await composeUp(project, ['extra']);
      expect(containersOf(project.project)).toEqual([expect.stringMatching(/^extra: Up/)]);
      await composeDown(project, { volumes: false });
      expect(containersOf(project.project)).toEqual([]);
    });
  });

  it('says which port is taken', async () => {
    await withProject('45871', async (first) => {
      await composeUp(first, ['db']);
      await withProject('45871', async (second) => {
        expect(await failure(composeUp(second, ['db']))).toMatchObject({ code: 'port', details: { port: 45871 } });
      });
    });
  });

  it('works through the plugin as well', async () => {
    await withProject('0', async (project) => {
      const config = path.join(folder, 'docker-config');
      const metadata = '{"SchemaVersion":"0.1.0","Vendor":"test","Version":"v2.0.0"}';
      writeScript(
        path.join(config, 'cli-plugins/docker-compose'),
        `if [ "$1" = docker-cli-plugin-metadata ]; then echo '${metadata}'; exit; fi\nshift\nexec docker-compose "$@"`,
      );
      const env = { ...project.env, DOCKER_CONFIG: config };
      const tool = await findCompose(env);
      expect(tool?.command).toEqual(['docker', 'compose']);
      await composeUp({ ...project, env, command: tool!.command }, ['db']);
      expect(containersOf(project.project)).toHaveLength(2);
    });
  });

  it('fails with one line and what compose said last', async () => {
    await withProject('0', async (project) => {
      const noService = await failure(composeUp(project, ['no-such']));
      expect(noService).toMatchObject({ code: 'engine', message: expect.stringMatching(/up` failed: .*no-such/i) });
      expect(noService.lines.length).toBeGreaterThan(0);
      const env = { ...project.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
      expect(await failure(composeUp({ ...project, env }, ['db']))).toMatchObject({ code: 'engine' });
      const missing = { ...project, command: ['no-such-compose'] };
      expect(await failure(composeUp(missing, ['db']))).toMatchObject({ code: 'engine', hint: expect.any(String) });
    });
  });
});
