import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCompose } from '../../../src/adapters/docker/compose.ts';
import { type ComposeFile, readComposeFile } from '../../../src/adapters/docker/compose-file.ts';
import { readPorts } from '../../../src/domain/compose/ports.ts';
import { layValues } from '../../../src/domain/values.ts';

const plugin = (await findCompose(process.env))?.command.length === 2;

const FILES = {
  'compose.yml': `include:
  - sub/mail.yml
  - { path: [sub/one.yml, sub/two.yml], project_directory: . }
x-base: &base
  restart: always
  ports: ["127.0.0.1:\${P:-7700}:7700"]
services:
  merged: { <<: *base, image: some/image }
  tools: { image: some/tools, profiles: [dev], ports: ["8030:80"] }
  search:
    extends: { file: base/common.yml, service: common }
    environment: { B: "2" }
    ports: ["9001:9001"]
    command: [other]
  local: { extends: search, privileged: true, volumes: ["./initdb:/docker-entrypoint-initdb.d:ro", "\${DATA:-./data}:/data", "named:/n"] }
  built: { build: images/db, env_file: built.env }
volumes: { named: {} }
secrets: { key: { file: ./key.pem } }
`,
  'base/common.yml': `services:
  root: { image: some/search, command: [first, second], environment: [A=1, B=1], env_file: root.env, ports: ["9000:9000"] }
  common: { extends: { service: root }, build: . }
`,
  'base/root.env': 'WORD=${WORD}\n',
  'built.env': 'C=3\n',
  'sub/mail.yml':
    'services: { mail: { image: some/mail, ports: [{ target: 80, published: "${MAIL:-8025}" }], volumes: ["./m:/m"] } }\n',
  'sub/.env': 'MAIL=8026\n',
  'sub/one.yml': 'services: { twice: { image: one, cap_add: [A] } }\n',
  'sub/two.yml': 'services: { twice: { image: two, cap_add: [B] } }\n',
  'key.pem': 'k\n',
};

describe('a compose file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'stack-compose-file-'));
    for (const [name, text] of Object.entries(FILES)) write(name, text);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const at = (name: string): string => path.join(folder, name);
  const read = (env: Record<string, string | undefined>): Promise<ComposeFile> =>
    readComposeFile(at('compose.yml'), {
      projectDir: folder,
      values: layValues({}),
      env,
      cacheFolder: at('cache'),
    });
  const NONE = { PATH: '' };

  it('is whole: merge keys, extends over files, include, and the files that it names', async () => {
    const { services, sources, unseen, data } = await read(NONE);
    expect(services).toMatchObject({
      merged: { image: 'some/image', restart: 'always', ports: ['127.0.0.1:${P:-7700}:7700'] },
      tools: { profiles: ['dev'] },
      search: {
        image: 'some/search',
        command: ['other'],
        environment: { A: '1', B: '2' },
        ports: ['9000:9000', '9001:9001'],
        build: { context: at('base') },
      },
      local: {
        image: 'some/search',
        privileged: true,
        volumes: [`${at('initdb')}:/docker-entrypoint-initdb.d:ro`, '${DATA:-./data}:/data', 'named:/n'],
      },
      built: { build: { context: at('images/db') } },
      mail: { volumes: [`${at('sub/m')}:/m`] },
      twice: { image: 'two', cap_add: ['A', 'B'] },
    });
    expect(data.secrets).toEqual({ key: { file: at('key.pem') } });
    expect(sources.map(({ file }) => path.relative(folder, file)).sort()).toEqual(
      Object.keys(FILES)
        .filter((name) => name !== 'key.pem')
        .sort(),
    );
    expect(sources[0]?.file).toBe(at('compose.yml'));
    expect(unseen).toEqual([]);
  });

  it('names what it leads to and cannot be read', async () => {
    write(
      'compose.yml',
      'include: [gone.yml, "https://github.com/a/b.git#main"]\nservices: { a: { image: x, extends: { file: "${BASE:-gone}.yml", service: x }, env_file: [{ path: gone.env, required: false }] } }\n',
    );
    const { services, unseen } = await read(NONE);
    expect(services).toEqual({ a: { image: 'x', env_file: [{ path: 'gone.env', required: false }] } });
    expect(unseen.sort()).toEqual([at('gone.env'), at('gone.yml'), 'https://github.com/a/b.git#main'].sort());
  });

  it.each([
    '',
    'services:',
    'services: [a]',
    ': : :',
    'services: { a: null }',
    'services: { a: { extends: a } }',
    '&a [*a]',
  ])('%j holds nothing that runs, and is no error', async (text) => {
    write('compose.yml', text);
    const { services } = await read(NONE);
    expect(Object.values(services).every((service) => Object.keys(service).length === 0)).toBe(true);
  });

  it('is asked of a docker without the plugin once an hour', async () => {
    write('bin/docker', `#!/bin/sh\necho asked >> '${at('asked')}'\nexit 1\n`);
    chmodSync(at('bin/docker'), 0o755);
    const env = { PATH: `${at('bin')}:/bin` };
    const asked = async (): Promise<number> => {
      await read(env);
      return readFileSync(at('asked'), 'utf8').split('\n').length - 1;
    };
    expect([await asked(), await asked()]).toEqual([1, 1]);
    const [kept = ''] = readdirSync(at('cache/compose'));
    const earlier = Date.now() / 1000 - 3601;
    utimesSync(at(`cache/compose/${kept}`), earlier, earlier);
    expect([await asked(), await asked()]).toEqual([2, 2]);
    expect((await read({ PATH: `${at('bin')}:/bin:/elsewhere` })).services).toHaveProperty('merged');
    expect(await asked()).toBe(4);
  });

  it.runIf(plugin)('is what compose says it is, and compose is asked once for each content', async () => {
    const [own, asked] = [await read(NONE), await read(process.env)];
    const kept = (): string[] => readdirSync(at('cache/compose')).filter((name) => name.endsWith('.json'));
    expect(kept()).toHaveLength(1);
    const ports = ({ services }: ComposeFile) =>
      Object.fromEntries(Object.entries(services).map(([name, one]) => [name, readPorts(one, layValues({}))]));
    expect(ports(asked)).toEqual(ports(own));
    for (const [name, service] of Object.entries(own.services)) {
      const { image, privileged, build, command } = asked.services[name] ?? {};
      expect({ name, image, privileged, command }).toEqual({
        name,
        image: service.image,
        privileged: service.privileged,
        command: service.command,
      });
      if (service.build) expect(build).toMatchObject(service.build);
    }
    expect(await read({ ...process.env, PATH: '' })).toEqual(asked);
    write('base/root.env', 'WORD=other\n');
    await read(process.env);
    expect(kept()).toHaveLength(2);
  });
});
