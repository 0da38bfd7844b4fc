import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootIdOf, sharedProject } from '../../src/domain/names.ts';
import { findTestEngine, NODE_IMAGE } from '../support/engine.ts';
import { docker } from '../support/shared-services.ts';
import { containedConfig, makeShop, type Shop, shopConfig } from '../support/shop.ts';

const engine = await findTestEngine();

/** A shared service that takes what it can get from `.env`, by names of the team's and by names of programs'. */
const COMPOSE = `services:
  search:
    image: ${NODE_IMAGE}
    init: true
    command: [node, -e, 'require("http").createServer().listen(7700)']
    environment:
      WORD: "\${TEAM_WORD}"
      OWN: "\${TEAM_OWN}"
      PRELOAD: "\${LD_PRELOAD:-}"
      FOLDER: "\${DOCKER_CONFIG:-none}"
    ports: ["127.0.0.1:\${TEAM_PORT:-7700}:7700"]
`;

/** Every way a variable can make a program run code or look elsewhere; each leaves something in `canary/`. */
function plant(shop: Shop): void {
  mkdirSync(shop.at('canary'));
  const programs = ['git', 'docker', 'docker-compose', 'ps', 'sh', 'node', 'redis-server', 'apt-get', 'pg_dump'];
  const sing = (name: string): string => `#!/bin/sh\necho > '${shop.at('canary')}/${name}'\n`;
  for (const name of programs) shop.write(`bin/${name}`, sing(`program-${name}`));
  shop.write('.d/cli-plugins/docker-compose', sing('plugin'));
  shop.write('.d/config.json', '{"currentContext": "theirs"}');
  shop.write('fsmonitor', sing('git-config'));
  shop.write('evil.cjs', `require('node:fs').writeFileSync('${shop.at('canary')}/required', '')`);
  for (const name of [...programs.map((one) => `bin/${one}`), '.d/cli-plugins/docker-compose', 'fsmonitor']) {
    chmodSync(shop.at(name), 0o755);
  }
  shop.write(
    '.env',
    `PATH=${shop.at('bin')}
LD_DEBUG=libs
LD_DEBUG_OUTPUT=${shop.at('canary')}/loaded
LD_PRELOAD=./evil.so
NODE_OPTIONS="--require ${shop.at('evil.cjs')}"
DOCKER_CONFIG=.d
DOCKER_HOST=unix://${shop.at('canary')}/docker.sock
DOCKER_CONTEXT=theirs
COMPOSE_FILE=/nowhere.yml
COMPOSE_PROJECT_NAME=theirs
GIT_CONFIG_COUNT=1
GIT_CONFIG_KEY_0=core.fsmonitor
GIT_CONFIG_VALUE_0=${shop.at('fsmonitor')}
HOME=${shop.at('canary')}
XDG_CACHE_HOME=${shop.at('canary')}
XDG_STATE_HOME=${shop.at('canary')}
NVM_DIR=${shop.at('canary')}
PGHOST=${shop.at('canary')}
TEAM_WORD="it's $HOME, # 'all'"
TEAM_OWN=theirs
TEAM_SERVICE=from-dotenv
`,
  );
  shop.configure((text) =>
    text.replaceAll(
      "PORT: '${port.http}'",
      "PORT: '${port.http}', WORD: '${env.TEAM_SERVICE}', WHOSE: '${env.TEAM_OWN}'",
    ),
  );
  shop.env.TEAM_OWN = 'mine';
  shop.git('.', 'init', '--quiet', '--initial-branch=main');
  shop.write('.gitignore', 'front/\napi/\n.stack/\n');
  shop.git('.', 'add', '--force', 'stack.yml', '.env', 'bin', '.d', 'evil.cjs', 'fsmonitor');
  shop.git('.', 'commit', '--quiet', '--message', 'Plant');
}

describe('.env beside stack.yml', () => {
  let shop: Shop;
  afterEach(() => shop.dispose());

  const expectSilence = async (...commands: string[][]): Promise<void> => {
    for (const args of commands) {
      // A relative folder of the person’s own PATH leads into the checkout too.
      const run = await shop.stack(args, { env: { PATH: `bin:${shop.env.PATH}:` } });
      expect({ args, sung: readdirSync(shop.at('canary')), run }).toMatchObject({ sung: [], run: { code: 0 } });
    }
  };

  it('fills values, and reaches no program of this machine', async () => {
    shop = makeShop({ config: shopConfig });
    plant(shop);
    await expectSilence(['doctor'], ['ps'], ['create', 'feat-01', '--yes'], ['up', '--yes']);
    const { stdout } = await shop.stack(['exec', 'feat-01', 'front', '--', process.execPath, '-p', SHOWN]);
    expect(JSON.parse(stdout)).toEqual(['from-dotenv', 'mine', shop.env.HOME, null, null, null]);
    await expectSilence(['destroy', 'feat-01', '--force']);
  });

  describe.skipIf(!engine)('with an engine', () => {
    beforeEach(() => {
      shop = makeShop({
        engine: true,
        config: (port) => containedConfig(port).replace('repos:', 'shared: { compose: c.yml, search: {} }\nrepos:'),
      });
      shop.write('c.yml', COMPOSE.replace('7700', String(shop.port + 15)));
      plant(shop);
    });

    it('fills an image’s tag, and reaches no credential helper that compose asks about it', async () => {
      const config = shop.at('../docker-config');
      const plugins = path.join(process.env.DOCKER_CONFIG ?? `${process.env.HOME}/.docker`, 'cli-plugins');
      mkdirSync(config);
      if (existsSync(plugins)) symlinkSync(plugins, path.join(config, 'cli-plugins'));
      writeFileSync(path.join(config, 'config.json'), '{"credsStore":"spy"}');
      const helper = path.join(config, 'docker-credential-spy');
      writeFileSync(helper, `#!/bin/sh\nenv > '${config}/seen'\nexit 1\n`, { mode: 0o755 });
      shop.write('c.yml', COMPOSE.replace(NODE_IMAGE, 'registry.invalid/none:${TEAM_WORD}'));
      shop.write('.env', 'TEAM_WORD=tag\nTEAM_SERVICE=any\n');
      const env = { DOCKER_CONFIG: config, PATH: `${config}:${shop.env.PATH}` };
      const run = await shop.stack(['create', 'feat-01', '--yes'], { env });
      expect(run.code).toBe(1);
      const seen = readFileSync(path.join(config, 'seen'), 'utf8');
      expect(seen).toMatch(/^PATH=/m);
      expect(seen).not.toMatch(/^TEAM_WORD=/m);
    });

    it('fills what the compose file names, and neither reaches docker nor compose', async () => {
      await expectSilence(['doctor'], ['ps'], ['create', 'feat-01', '--yes'], ['up', '--yes']);
      const project = sharedProject('shop', rootIdOf(shop.root));
      const name = docker('ps', '--quiet', '--filter', `label=com.docker.compose.project=${project}`).stdout.trim();
      const { stdout } = docker('inspect', '--format', '{{json .Config.Env}}', name);
      expect(JSON.parse(stdout)).toEqual(
        expect.arrayContaining([
          "WORD=it's $HOME, # 'all'",
          'OWN=mine',
          'PRELOAD=./evil.so',
          `FOLDER=${shop.env.DOCKER_CONFIG ?? 'none'}`,
        ]),
      );
      await expectSilence(['destroy', 'feat-01', '--force'], ['down', '--yes']);
      expect(existsSync(shop.at('canary/plugin'))).toBe(false);
    });
  });
});

const SHOWN =
  'const { WORD, WHOSE, HOME, NODE_OPTIONS = null, LD_PRELOAD = null, NVM_DIR = null } = process.env; JSON.stringify([WORD, WHOSE, HOME, NODE_OPTIONS, LD_PRELOAD, NVM_DIR])';
