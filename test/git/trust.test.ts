import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readComposeFile } from '../../src/adapters/docker/compose-file.ts';
import { layValues } from '../../src/domain/values.ts';
import { readTrustMatter, type TrustMatter } from '../../src/orchestrator/trust.ts';
import { isolatedEnv } from '../support/product.ts';

const FILES = {
  'stack.yml': `name: shop
shared: { compose: "\${env.INFRA:-infra}/compose.yml", postgres: {} }
repos: { api: { path: ., setup: [npm ci], copy: [keys] } }
services:
  api:
    repo: api
    dir: app
    build: { dockerfile: Dev.Dockerfile }
    env: { NODE_OPTIONS: --require ./evil.js, PORT: "\${port.http}" }
    ports: { http: { from: 3001 } }
`,
  '.env': 'VALUE=of-dotenv\n',
  '.worktreeinclude': '*.pem\n',
  'app/Dev.Dockerfile': 'FROM a\nRUN dev\n',
  'infra/compose.yml': `include: [mail.yml]
services:
  postgres:
    extends: { file: base.yml, service: db }
    privileged: true
    network_mode: host
    pid: host
    cap_add: [SYS_ADMIN]
    devices: [/dev/kvm]
    volumes: ["./infra/initdb:/docker-entrypoint-initdb.d", "/var/run/docker.sock:/s", "data:/d"]
    healthcheck: { test: [CMD, check], interval: 1s }
    restart: always
volumes: { data: { driver_opts: { type: none, o: bind, device: / } }, theirs: { name: db, external: true } }
networks: { lan: { name: host, external: true } }
`,
  'base.yml': 'services: { db: { image: some/db, entrypoint: [run, it], env_file: db.env } }\n',
  'db.env': 'FROM_FILE=1\n',
  'mail.yml': 'services: { mail: { build: { context: mail }, command: serve } }\n',
  'mail/Dockerfile': 'FROM b\nRUN mail\n',
  'infra/initdb/a.sh': 'echo init\n',
};

describe('what git brought into a root', () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-trust-')));
    for (const [name, text] of Object.entries(FILES)) write(name, text);
    git('init', '--quiet');
    git('add', '--all');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const git = (...args: string[]): void => {
    execFileSync('git', args, { cwd: root, env: isolatedEnv(root) });
  };
  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  };
  const look = async (): Promise<TrustMatter> => {
    const values = layValues({});
    const around = { projectDir: root, values, env: { PATH: '' }, cacheFolder: path.join(root, '.cache') };
    const matter = await readTrustMatter({ root, values, readCompose: (file) => readComposeFile(file, around) });
    if (!matter) throw new Error('there is nothing to look at');
    return matter;
  };

  it('is shown whole: commands, values, builds, mounts and rights, of the compose file and all it leads to', async () => {
    const { files, commands } = await look();
    expect(files.sort()).toEqual(
      [...Object.keys(FILES).filter((name) => name !== 'infra/initdb/a.sh'), 'infra/initdb'].sort(),
    );
    const compose = 'infra/compose.yml services.';
    expect(commands).toEqual(
      expect.arrayContaining([
        'shared.compose: ${env.INFRA:-infra}/compose.yml',
        'repos.api.setup: npm ci',
        'repos.api.copy: keys',
        'services.api.env.NODE_OPTIONS: --require ./evil.js',
        'services.api.env.PORT: ${port.http}',
        '.env: VALUE=of-dotenv',
        '.worktreeinclude: *.pem',
        'app/Dev.Dockerfile: RUN dev',
        `${compose}postgres.image: some/db`,
        `${compose}postgres.entrypoint: ["run","it"]`,
        `${compose}postgres.privileged: true`,
        `${compose}postgres.network_mode: host`,
        `${compose}postgres.pid: host`,
        `${compose}postgres.cap_add: SYS_ADMIN`,
        `${compose}postgres.devices: /dev/kvm`,
        `${compose}postgres.volumes: ${root}/infra/initdb:/docker-entrypoint-initdb.d`,
        `${compose}postgres.volumes: /var/run/docker.sock:/s`,
        `${compose}postgres.healthcheck.test: ["CMD","check"]`,
        `${compose}mail.build.context: ${root}/mail`,
        `${compose}mail.command: serve`,
        'infra/compose.yml volumes.data.driver_opts.device: /',
        'infra/compose.yml volumes.theirs.name: db',
        'infra/compose.yml networks.lan.name: host',
        'db.env: FROM_FILE=1',
        'mail/Dockerfile: RUN mail',
        'infra/initdb/a.sh: mounted in a container',
      ]),
    );
    expect(commands.join('\n')).not.toMatch(/interval|restart: always|services\.api\.ports/);
  });

  it('is asked about again when any of it has changed, and only then', async () => {
    let before = (await look()).hash;
    for (const [name, text] of Object.entries(FILES)) {
      write(name, name === 'stack.yml' ? text.replace('npm ci', 'npm i') : `${text}# more\n`);
      git('add', '--all');
      const { hash } = await look();
      expect({ name, changed: hash !== before }).toEqual({ name, changed: true });
      before = hash;
    }
    expect((await look()).hash).toBe(before);
  });

  it('is what git keeps: what a person put beside it asks nothing', async () => {
    const before = await look();
    write('.gitignore', '*\n');
    write('app/.env.local', 'MINE=1\n');
    write('infra/initdb/mine.sh', 'echo mine\n');
    expect(await look()).toEqual(before);
    git('rm', '--quiet', '--cached', '.env', 'mail/Dockerfile', 'db.env', '.worktreeinclude');
    const { files } = await look();
    expect(files).not.toEqual(expect.arrayContaining(['.env']));
    write('mail/Dockerfile', 'FROM mine\n');
    write('.env', 'MINE=1\n');
    expect((await look()).files).toEqual(files);
  });

  it('is known by the checkout around it, and not by a bare repo that the checkout carries', async () => {
    const top = root;
    root = path.join(top, 'inside');
    const names = readdirSync(top).filter((name) => name !== '.git');
    mkdirSync(root);
    for (const name of names) renameSync(path.join(top, name), path.join(root, name));
    git('add', '--all');
    const before = await look();
    write('HEAD', 'ref: refs/heads/main\n');
    write('objects/.keep', '');
    write('refs/.keep', '');
    write('config', `[core]\n\tbare = false\n\tworktree = .\n\tfsmonitor = touch '${top}/ran';\n`);
    try {
      expect(await look()).toEqual(before);
      expect(existsSync(path.join(top, 'ran'))).toBe(false);
    } finally {
      root = top;
    }
  });

  it('is told of where it cannot be shown', async () => {
    write('mail.yml', 'include: ["https://github.com/a/b.git#main"]\n');
    expect((await look()).commands).toContain(
      'infra/compose.yml leads to https://github.com/a/b.git#main, which cannot be shown here',
    );
  });

  it.each([
    ['U+2028', '\u2028'],
    ['U+0085', '\u0085'],
    ['a carriage return', '\r'],
  ])('is shown behind a comment that ends for compose: %s', async (_, ending) => {
    write('mail.yml', `services: # mail${ending}    mail: { image: mail, privileged: true }\n`);
    expect((await look()).commands).toContain('infra/compose.yml services.mail.privileged: true');
  });

  it.each([
    ['is no YAML', 'services: { mail: { image: mail } }\n  - "\n'],
    ['says a key twice', 'services: { mail: { image: mail, image: other } }\n'],
    [
      'grows without bounds',
      `a: &a [1]\nb: [${Array(200).fill('*a').join()}]\nc: &c [${Array(200).fill('*a').join()}]\nd: [*c, *c]\n`,
    ],
  ])('is told of where a file that compose may read %s', async (_, text) => {
    write('mail.yml', text);
    expect((await look()).commands).toContain(
      `infra/compose.yml leads to ${root}/mail.yml, which cannot be shown here`,
    );
  });

  it.each([
    [
      'setup: [npm ci]',
      'setup: ["a\\u202eb\\u200b\\u00a0\\e[2Jc\\td"]',
      'repos.api.setup: "a\\u{202e}b\\u{200b}\\u{a0}\\u001b[2Jc\\td"',
    ],
    ['setup: [npm ci]', 'setup: ["echo https://me:$(x)@host"]', 'repos.api.setup: echo https://me:$(x)@host'],
    ['PORT:', '"A\\nB": c, PORT:', 'services.api.env."A\\nB": c'],
  ])('hides nothing: %s as %s', async (text, instead, line) => {
    write('stack.yml', FILES['stack.yml'].replace(text, instead));
    const { commands } = await look();
    expect(commands).toContain(line);
  });
});
