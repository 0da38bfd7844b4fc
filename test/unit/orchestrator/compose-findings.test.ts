import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readComposeFiles, renderProgramEnv } from '../../../src/orchestrator/init/detect/compose.ts';
import { planServers } from '../../../src/orchestrator/init/detect/plan-servers.ts';
import type { Project } from '../../../src/orchestrator/init/detect/project.ts';
import { wireServer } from '../../../src/orchestrator/init/detect/wire-servers.ts';
import { renderCompose } from '../../../src/orchestrator/init/render-compose.ts';
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
    expect(renderProgramEnv(found, path.join(root, 'api'))).toEqual(
      new Map([['compose.env.example', 'WEB=http://localhost:3000']]),
    );
    expect(renderProgramEnv(found, path.join(root, 'web'))).toEqual(new Map([['compose.env.example', 'A=1']]));
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

  it('hands a server no address with a password that only the developer’s own file has', async () => {
    const file = 'services: { hub: { image: acme/hub, ports: ["8080:80"], environment: { DB: "${DB}", A: "${A}" } } }';
    const root = write({
      'compose.yml': file,
      '.env': 'DB=postgres://u:hunter2@far/x\nA=1\n',
      '.env.example': 'DB=\n',
    });
    expect((await readComposeFiles([root])).servers[0]?.environment).toEqual({ A: '1' });
    expect(renderProgramEnv(await readComposeFiles([root]), root)).toEqual(new Map());
  });

  it('says what programs get as an example, and the developer’s own as set', async () => {
    const file = 'services: { api: { build: ., env_file: [.env], environment: { A: "1", B: "${OWN}" } } }';
    const root = write({ 'compose.yml': file, '.env': 'OWN=hunter2\nC=x\n', '.env.example': 'C=x\n' });
    const found = renderProgramEnv(await readComposeFiles([root]), root);
    expect(Object.fromEntries(found)).toEqual({
      'compose.env.example': 'C=x\nA=1',
      'compose.env': 'OWN=hunter2\nB=hunter2',
    });
  });

  it('is read with what its services extend and what servers are built on, and with the names of the image alone', async () => {
    const file = `services:
  db: { extends: { file: docker/base.yml, service: db }, ports: ["5432:5432"] }
  mail: { build: { context: docker, dockerfile: mail.Dockerfile }, ports: ["1025:1025"] }
  api: { build: ./api }
`;
    const root = write({
      'compose.yml': file,
      'docker/base.yml': 'services: { db: { image: "postgres:14", env_file: .env } }',
      'docker/mail.Dockerfile': 'FROM --platform=linux/amd64 maildev/maildev:2.2.1 AS mail\n',
      'api/Dockerfile': 'FROM node:22\n',
      '.env.example': 'POSTGRES_USER=me\nPOSTGRES_PASSWORD=pw\nPORT=1\n',
    });
    const { servers, programs } = await readComposeFiles([root]);
    expect(servers.map(({ image, environment }) => [image, environment])).toEqual([
      ['postgres:14', { POSTGRES_USER: 'me', POSTGRES_PASSWORD: 'pw' }],
      ['maildev/maildev:2.2.1', {}],
    ]);
    expect(programs.map(({ name }) => name)).toEqual(['api']);
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
    ['SMTP_HOST', 'smtp.example.com', '${mail.host}'],
    ['SMTP_PORT', '587', '${mail.port.smtp}'],
    ['MAIL_URL', '', 'smtp://${mail.host}:${mail.port.smtp}'],
    ['MAIL_FROM', 'me@example.com', undefined],
    ['MAIL_PASSWORD', '', undefined],
  ])('gives %s=%s a place', async (name, value, wired) => {
    const { servers } = await readComposeFiles([write({ 'compose.yml': FILE })]);
    expect(wireServer({ name, values: value === '' ? [] : [value] }, planServers(servers, { taken: [] }))).toBe(wired);
  });
});

describe('a variable of a server that a compose file starts', () => {
  const FILE = `services:
  files: { image: minio/minio, environment: { MINIO_ROOT_USER: me, MINIO_ROOT_PASSWORD: pw }, command: server /data --console-address :8900, ports: ["9000:9000", "8900:8900"] }
  events: { image: docker.redpanda.com/redpandadata/redpanda:v24.1, ports: ["19092:19092"] }
  queue: { image: "rabbitmq:3-management", environment: { RABBITMQ_DEFAULT_USER: me, RABBITMQ_DEFAULT_PASS: pw } }
  docs: { image: "mongo:7" }
  hub: { image: acme/hub, ports: ["8080:80"] }
  tools: { image: adminer, ports: ["8081:8080"] }
`;
  it.each([
    ['AWS_S3_ENDPOINT_URL', 'https://s3.amazonaws.com', 'http://${files.host}:${files.port.api}'],
    ['S3_ENDPOINT', '', 'http://${files.host}:${files.port.api}'],
    ['S3_PUBLIC_URL', 'https://cdn.example.com', undefined],
    ['AWS_ACCESS_KEY_ID', '', 'me'],
    ['S3_SECRET_KEY', '', '${env.S3_SECRET_KEY:-pw}'],
    ['S3_SECRET_KEY', 'own', undefined],
    ['STORAGE_KEY', '', undefined],
    ['KAFKA_BROKERS', 'localhost:19092', '${events.host}:${events.port}'],
    ['KAFKA_BOOTSTRAP_SERVERS', '', '${events.host}:${events.port}'],
    ['RABBITMQ_URL', '', 'amqp://me:pw@${queue.host}:${queue.port}'],
    ['BROKER', 'amqp://queue', 'amqp://me:pw@${queue.host}:${queue.port}'],
    ['MONGODB_URI', 'mongodb+srv://<user>:<pw>@c.example.net/shop?w=1', 'mongodb://${docs.host}:${docs.port}/shop'],
    ['EVENTS_DB', 'mongodb://localhost/events', 'mongodb://${docs.host}:${docs.port}/events'],
    ['MONGO_PORT', '27017', '${docs.port}'],
  ])('%s=%s is %s', async (name, value, wired) => {
    const { servers } = await readComposeFiles([write({ 'compose.yml': FILE })]);
    expect(wireServer({ name, values: value === '' ? [] : [value] }, planServers(servers, { taken: [] }))).toBe(wired);
  });

  it('decides whether an image that nobody knows is a server; the product’s own port is none', async () => {
    const { servers } = await readComposeFiles([write({ 'compose.yml': FILE })]);
    const variable = { readIn: ['a.ts'], form: undefined, isSet: false, hasDefault: false };
    const variables = [{ ...variable, name: 'HUB_URL', values: ['http://localhost:8080'] }];
    const names = (ports: number[]) => planServers(servers, { taken: [], variables, ports }).map(({ name }) => name);
    expect(names([3000])).toEqual(['files', 'events', 'queue', 'docs', 'hub']);
    expect(names([8080])).toEqual(['files', 'events', 'queue', 'docs']);
    expect(planServers(servers, { taken: [] }).map(({ name }) => name)).not.toContain('hub');
  });

  it('that asks for a MongoDB nobody starts gets one, unless the developer’s own says where', () => {
    const mongo = { name: 'MONGO_URI', values: ['mongodb://localhost/x'], readIn: ['a.js'], form: undefined };
    const plan = (isSet: boolean) =>
      planServers([], { taken: [], variables: [{ ...mongo, isSet, hasDefault: false }] });
    expect(plan(false)).toMatchObject([{ name: 'mongodb', scheme: 'mongodb', found: { image: 'mongo:7' } }]);
    expect(plan(true)).toEqual([]);
  });
});

describe('the compose file of the shared services', () => {
  const SHIPPED = 'services:\n  postgres:\n    image: ${STACK_POSTGRES_IMAGE:-postgres:16-alpine}\n\nvolumes:\n  x:\n';
  const render = async (file: string) => {
    const { servers } = await readComposeFiles([write({ 'compose.yml': file, '.env.example': 'BUCKET=shop\n' })]);
    return parse(renderCompose(SHIPPED, planServers(servers, { taken: [] }))).services;
  };

  it('starts a server as the developers’ file does, and tells its clients of the leased port', async () => {
    const services = await render(`services:
  db: { image: "pgvector/pgvector:pg16", command: postgres -c max_connections=500, ports: ["5432:5432"] }
  minio:
    image: minio/minio
    entrypoint: sh
    command: -c 'mkdir -p /data/\${BUCKET} && minio server /data --address ":9002"; echo $$HOME http://localhost:9002'
    ports: ["9002:9002"]
    user: "1000"
  kafka:
    image: confluentinc/cp-kafka:7.6.0
    environment: { KAFKA_ADVERTISED_LISTENERS: "IN://kafka:29092,OUT://localhost:9092", DB: "postgres://db:5432/x" }
    ports: ["9092:9092"]
  search: { image: elasticsearch:8, healthcheck: { test: "curl localhost:9200" }, ulimits: { nofile: 9 }, privileged: true }
`);
    expect(services).toMatchObject({
      postgres: { image: 'pgvector/pgvector:pg16', command: 'postgres -c max_connections=500' },
      minio: {
        entrypoint: 'sh',
        command: `-c 'mkdir -p /data/shop && minio server /data --address ":9002"; echo $$HOME http://localhost:9002'`,
        user: '1000',
      },
      kafka: {
        environment: {
          KAFKA_ADVERTISED_LISTENERS: 'IN://kafka:29092,OUT://localhost:${STACK_KAFKA_PORT:-9092}',
          DB: 'postgres://postgres:5432/x',
        },
      },
    });
    expect(services.search).toEqual({
      ...{ image: 'elasticsearch:8', healthcheck: { test: 'curl localhost:9200' }, ulimits: { nofile: 9 } },
      ports: ['127.0.0.1:${STACK_SEARCH_PORT:-9200}:9200'],
    });
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
