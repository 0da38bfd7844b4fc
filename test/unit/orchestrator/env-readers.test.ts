import { describe, expect, it } from 'vitest';
import { describeReader, findWinner } from '../../../src/domain/env-reader.ts';
import { listEnvReaders, listReached } from '../../../src/orchestrator/sources/env-readers.ts';
import type { Sources } from '../../../src/orchestrator/sources/sources.ts';

function sourcesOf(texts: Record<string, string>): Sources {
  return { folder: '/x', names: new Set(Object.keys(texts)), texts: new Map(Object.entries(texts)) };
}

function node(scripts: Record<string, string>, ...packages: string[]): Record<string, string> {
  const dependencies = Object.fromEntries(packages.map((name) => [name, '1']));
  return { 'package.json': JSON.stringify({ scripts, dependencies }) };
}

/** `env-cmd in \`dev\` < .env.dev`; `<<` where the files go over what a program is given. */
function read(texts: Record<string, string>): string[] {
  return listEnvReaders(sourcesOf(texts)).map(
    (reader) => `${describeReader(reader)} ${reader.overrides ? '<<' : '<'} ${reader.files.join(' ')}`,
  );
}

const MODE_FIRST = '.env.development.local .env.development .env.local .env';
const LOCAL_FIRST = '.env.development.local .env.local .env.development .env';

describe('what reads env files', () => {
  it.each([
    [node({ dev: 'env-cmd node x' }), ['env-cmd in `dev` << .env']],
    [node({ dev: 'env-cmd --no-override -f ./config/dev.env node x' }), ['env-cmd in `dev` < config/dev.env']],
    [node({ dev: 'dotenv -e .env.local -e .env -- node x -o y' }), ['dotenv in `dev` < .env.local .env']],
    [node({ dev: 'dotenv -o -e .env -e .env.local -- node x' }), ['dotenv in `dev` << .env.local .env']],
    [node({ dev: 'dotenvx run --overload -f .env.dev -- node x' }), ['dotenvx in `dev` << .env.dev']],
    [node({ dev: 'node --env-file=.env --env-file=.env.local x' }), ['Node in `dev` < .env.local .env']],
    [node({ dev: 'foreman start -f Procfile.dev' }), ['foreman in `dev` << .env']],
    [node({ dev: 'set -a; . ./.env; node x' }), ['the shell in `dev` << .env']],
    [node({ dev: 'export $(cat .env | xargs) && node x' }), ['the shell in `dev` << .env']],
    [node({ 'test:e2e': 'env-cmd -f .env.test jest', prod: 'env-cmd -f .env.production node x' }), []],
    [node({ dev: 'env-cmd -f .env.$NODE_ENV node x' }), []],
  ] as [Record<string, string>, string[]][])('in the scripts %j is %j', (texts, found) => {
    expect(read(texts)).toEqual(found);
  });

  it.each([
    [
      'a.ts',
      "import dotenv from 'dotenv';\ndotenv.config({ path: ['.env.local', '.env'] });",
      'dotenv < .env.local .env',
    ],
    ['a.ts', "import 'dotenv/config';", 'dotenv < .env'],
    ['a.ts', "require('dotenv').config({ path: '.env', override: true })", 'dotenv << .env'],
    ['src/a.ts', "require('dotenv').config({ path: path.join(__dirname, '../.env.dev') })", 'dotenv < .env.dev'],
    ['a.ts', 'dotenv.config({ path: `.env.${process.env.NODE_ENV}` })', undefined],
    ['a.ts', 'dotenv.config({ path: file })', undefined],
    ['a.ts', "ConfigModule.forRoot({ envFilePath: ['.env.dev', '.env'] })", 'Nest < .env.dev .env'],
    ['s.py', 'load_dotenv(BASE_DIR / ".env", override=True)', 'python-dotenv << .env'],
    ['s.py', 'environ.Env.read_env(os.path.join(BASE_DIR, ".env"))', 'django-environ < .env'],
    ['s.py', 'model_config = SettingsConfigDict(env_file=(".env", ".env.local"))', 'pydantic < .env.local .env'],
    ['m.go', 'godotenv.Overload()', 'godotenv << .env'],
    ['a.rb', "Dotenv.load('.env.local', '.env')", 'dotenv < .env.local .env'],
  ])('in the code of %s, %s, is %s', (name, text, found) => {
    expect(read({ [name]: text })).toEqual(found === undefined ? [] : [found]);
  });

  it.each([
    [node({}, 'vite'), [`Vite < ${MODE_FIRST}`]],
    [node({}, 'next', 'prisma'), [`Next < ${LOCAL_FIRST}`, 'Prisma < .env prisma/.env']],
    [node({ migrate: 'env-cmd x' }, 'env-cmd', 'dotenv'), ['env-cmd in `migrate` << .env', 'dotenv < .env']],
    [node({ dev: 'bun run x.ts' }), ['Bun < .env.local .env.development .env']],
    [{ Gemfile: "gem 'dotenv-rails'\n" }, [`dotenv-rails < ${LOCAL_FIRST}`]],
    [{ 'requirements.txt': 'python-decouple==3\n' }, ['python-decouple < .env']],
    [{ artisan: '' }, ['Laravel < .env']],
    [{ 'package.json': '{', 'go.mod': '' }, []],
  ] as [Record<string, string>, string[]][])('by the tools of %j is %j', (texts, found) => {
    expect(read(texts)).toEqual(found);
  });

  it('has the first of its files say what a variable is', () => {
    const files: Record<string, Record<string, string>> = { '.env': { A: '1', B: '2' }, '.env.local': { A: '3' } };
    const reader = { tool: 'x', files: ['.none', '.env.local', '.env'], overrides: false };
    const winners = ['A', 'B', 'C'].map((key) => findWinner(reader, key, (file) => files[file]));
    expect(winners).toEqual([{ file: '.env.local', value: '3' }, { file: '.env', value: '2' }, undefined]);
  });

  it('counts the scripts that a command leads to, in a circle too', () => {
    const sources = sourcesOf(node({ migrate: 'npm run orm -- up', orm: 'env-cmd orm', dev: 'x', orm2: 'migrate' }));
    expect([...listReached(sources, 'npm run migrate && npm ci')]).toEqual(['migrate', 'orm']);
  });

  it('counts no script whose name is a word of another program, and those of runners', () => {
    const sources = sourcesOf(node({ dev: 'x', migrate: 'y', 'db:up': 'z' }));
    const reached = (line: string): string[] => [...listReached(sources, line)];
    for (const line of ['npx prisma migrate dev', 'yarn prisma migrate dev', 'npm ci', 'node dev'])
      expect(reached(line)).toEqual([]);
    for (const line of ['yarn dev', 'pnpm --filter dev run dev', 'run-s dev', 'cd x && npm run -s dev'])
      expect(reached(line)).toEqual(['dev']);
    expect(reached('concurrently "npm:dev" && bun db:up')).toEqual(['dev', 'db:up']);
  });

  it('takes no comment for code', () => {
    expect(
      read({ 'env.py': '# load_dotenv(override=True)\n', 'a.js': '// require("dotenv").config({ override: true })\n' }),
    ).toEqual([]);
  });
});
