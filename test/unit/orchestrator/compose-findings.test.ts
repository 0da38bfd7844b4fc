import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readComposeFiles, renderProgramEnv } from '../../../src/orchestrator/init/detect/compose.ts';
import { planServers } from '../../../src/orchestrator/init/detect/plan-servers.ts';
import type { Project } from '../../../src/orchestrator/init/detect/project.ts';
import { wireServer } from '../../../src/orchestrator/init/detect/wire-servers.ts';
import { detectEnvFile } from '../../../src/orchestrator/sources/env-file.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function write(files: Record<string, string>): string {
  const root = mkdtempSync(path.join(tmpdir(), 'stack-compose-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

describe('a compose file of the developers’', () => {
  const FILE = `services:
  db: { image: "postgres:\${PG:-15}", environment: [POSTGRES_USER=me], ports: ["5432:5432"] }
  cache: { image: valkey/valkey:8, profiles: [dev] }
  mail: { image: axllent/mailpit, ports: ["2525:1025", "8025:8025"] }
  db-test: { image: postgres:9 }
  old: { image: minio/minio, profiles: [production] }
  admin: { image: adminer }
  api: { build: ./api, environment: { WEB: "http://web:3000" } }
  web: { image: node:22, volumes: ["./web:/app"], environment: { A: 1 } }
`;

  it('tells of servers for development, of each kind one, with what its variables stand for', async () => {
    const root = write({ 'docker-compose.yml': FILE, '.env': 'PG=16\n' });
    const { servers } = await readComposeFiles([root]);
    expect(servers.map(({ name, kind, image }) => [name, kind, image])).toEqual([
      ['db', 'postgres', 'postgres:16'],
      ['cache', 'redis', 'valkey/valkey:8'],
      ['mail', undefined, 'axllent/mailpit'],
    ]);
    expect(servers[0]).toMatchObject({ user: 'me', database: 'me', password: undefined });
  });

  it('has others laid over it, and hands programs their environment', async () => {
    const over = 'services: { db: { image: "postgis/postgis:17-3.5" } }';
    const root = write({ 'compose.yaml': FILE, 'compose.override.yaml': over });
    const found = await readComposeFiles([root]);
    expect(found.servers[0]?.image).toBe('postgis/postgis:17-3.5');
    expect(renderProgramEnv(found, path.join(root, 'api'))).toBe('WEB=http://localhost:3000');
    expect(renderProgramEnv(found, path.join(root, 'web'))).toBe('A=1');
  });

  it('gives away none of the developer’s own secrets, which would be written where git keeps them', async () => {
    const file = `services:
  db: { image: postgres:16, environment: { POSTGRES_USER: "\${DB_USER}", POSTGRES_PASSWORD: "\${DB_PASSWORD}" } }
  store: { image: minio/minio, env_file: .env, environment: { MINIO_ROOT_PASSWORD: "\${ROOT:-local-only}" } }
  evil: { image: "mongo\\nprivileged: true\\nx:/mongo:1" }
`;
    const own = 'DB_USER=me\nDB_PASSWORD=hunter2\nROOT=hunter3\nSTRIPE_KEY=hunter4\n';
    const root = write({ 'docker-compose.yml': file, '.env': own, '.env.example': 'DB_PASSWORD=example\n' });
    const { servers } = await readComposeFiles([root]);
    expect(servers.map(({ environment }) => environment)).toEqual([
      { POSTGRES_USER: 'me', POSTGRES_PASSWORD: 'example' },
      { MINIO_ROOT_PASSWORD: 'local-only' },
    ]);
  });

  it('that is no YAML, or stack’s own, tells nothing', async () => {
    const root = write({ 'compose.yml': 'services: [}', 'docker-compose.yml': `${FILE}# STACK_NETWORK` });
    expect(await readComposeFiles([root])).toEqual({ servers: [], programs: [] });
  });

  it.each([
    ['SMTP_HOST', 'localhost', '${mail.host}'],
    ['MAIL_SERVER', 'mail', '${mail.host}'],
    ['SMTP_PORT', '2525', '${mail.port.smtp}'],
    ['SMTP_PORT', '1025', '${mail.port.smtp}'],
    ['MAILBOX', 'http://localhost:8025/api', 'http://${mail.host}:${mail.port.web}/api'],
    ['SMTP_URL', 'smtp://mail:1025', 'smtp://${mail.host}:${mail.port.smtp}'],
    ['WEB_URL', 'http://localhost:3000', undefined],
    ['PAGE_SIZE', '1025', undefined],
  ])('gives %s=%s a place', async (name, value, wired) => {
    const { servers } = await readComposeFiles([write({ 'compose.yml': FILE })]);
    expect(wireServer({ name, values: [value] }, planServers(servers, []))).toBe(wired);
  });
});

describe('the env file that has the most to say', () => {
  const node = (scripts: object, ...packages: string[]) => ({
    'package.json': JSON.stringify({ scripts, dependencies: Object.fromEntries(packages.map((name) => [name, '1'])) }),
  });
  it.each([
    [node({}, 'dotenv'), '.env'],
    [node({}, 'vite'), undefined],
    [node({ typeorm: 'env-cmd -f .env.dev ts-node x' }, 'env-cmd'), '.env.dev'],
    [node({ dev: 'node --env-file=.env.local server.js' }, 'dotenv'), '.env.local'],
    [{ ...node({}, '@nestjs/config'), 'src/a.ts': "forRoot({ envFilePath: ['.env.dev', '.env'] })" }, '.env.dev'],
    [{ 'requirements.txt': 'django-environ==0.11\n' }, '.env'],
    [{ 'go.mod': 'require github.com/joho/godotenv v1\n' }, '.env'],
    [{ Gemfile: "gem 'dotenv-rails'\n" }, undefined],
  ] as [Record<string, string>, string | undefined][])('of %j is %s', async (files, file) => {
    expect(await detectEnvFile(write(files), [{ dir: '', role: 'api' } as Project])).toBe(file);
    expect(await detectEnvFile(write(files), [{ dir: '', role: 'front' } as Project])).toBeUndefined();
  });
});
