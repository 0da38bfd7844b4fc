import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { detectMigrations } from '../../../src/orchestrator/init/detect/migrations.ts';
import type { Project } from '../../../src/orchestrator/init/detect/project.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Returns what is proposed for a repo of these files; `dirs` are those in which a program that needs a database is. */
async function propose(files: Record<string, string | object>, { dirs = [''], postgres = true } = {}) {
  const repo = mkdtempSync(path.join(tmpdir(), 'stack-migrations-'));
  folders.push(repo);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(repo, name)), { recursive: true });
    writeFileSync(path.join(repo, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return detectMigrations(
    repo,
    dirs.map((dir) => ({ dir, needs: { postgres, redis: false } }) as Project),
  );
}

const scripts = (names: Record<string, string>, packages: string[] = []) => ({
  'package.json': { scripts: names, dependencies: Object.fromEntries(packages.map((name) => [name, '1'])) },
});

describe('what brings a database up to date', () => {
  it.each([
    [
      { 'migration:run': 'x', 'migration:generate': 'x', 'seed:run:relational': 'x' },
      'npm run migration:run',
      'npm run seed:run:relational',
    ],
    [
      { 'db:migrate': 'prisma migrate dev', 'db:migrate:deploy': 'x', 'db:seed': 'x' },
      'npm run db:migrate:deploy',
      'npm run db:seed',
    ],
    [{ migrate: 'knex migrate:latest', seed: 'knex seed:run' }, 'npm run migrate', 'npm run seed'],
    [{ 'migrate:make': 'x', dev: 'x', 'seed-images': 'x' }, undefined, undefined],
  ] as [Record<string, string>, string?, string?][])('is one of the scripts %j', async (names, migrate, seed) => {
    expect(await propose(scripts(names))).toEqual({ migrate: migrate ? [migrate] : [], seed: seed ? [seed] : [] });
  });

  it.each([
    [
      { ...scripts({}), 'prisma/schema.prisma': '', 'prisma/migrations/1/migration.sql': '' },
      'npx prisma migrate deploy',
    ],
    [{ ...scripts({ migrate: 'prisma migrate dev' }), 'prisma/schema.prisma': '' }, 'npx prisma db push'],
    [{ ...scripts({}, ['@medusajs/medusa']) }, 'npx medusa db:migrate'],
    [{ 'manage.py': '', 'requirements.txt': 'django' }, '.venv/bin/python manage.py migrate --noinput'],
    [{ 'alembic.ini': '', 'pyproject.toml': '' }, '.venv/bin/python -m alembic upgrade head'],
    [{ Gemfile: "gem 'rails'\n", 'bin/rails': '' }, 'bin/rails db:migrate'],
    [{ artisan: '', 'composer.json': '{}' }, 'php artisan migrate --force'],
  ])('is what its tool is told, where no script says it: %j', async (files, line) => {
    expect((await propose(files)).migrate).toEqual([line]);
  });

  it('is done in its own folder, with the package manager of the whole', async () => {
    const files = { 'package.json': {}, 'pnpm-lock.yaml': '', 'apps/api/package.json': { scripts: { migrate: 'x' } } };
    expect((await propose(files, { dirs: ['apps/api'] })).migrate).toEqual([
      'cd apps/api && corepack pnpm run migrate',
    ]);
  });

  it('may be a package of its own beside those that run', async () => {
    const files = {
      'package.json': {},
      'apps/api/package.json': {},
      'packages/db/package.json': { scripts: { 'db:migrate': 'x' } },
    };
    expect((await propose(files, { dirs: ['apps/api'] })).migrate).toEqual(['cd packages/db && npm run db:migrate']);
  });

  it('is nothing where nobody needs a database, and data has no place without tables', async () => {
    expect(await propose(scripts({ migrate: 'x' }), { postgres: false })).toEqual({ migrate: [], seed: [] });
    expect(await propose(scripts({ seed: 'x' }))).toEqual({ migrate: [], seed: [] });
  });

  it('is of Rails with the seeds that are written', async () => {
    const files = { Gemfile: 'gem "rails"', 'db/seeds.rb': '# nothing yet\n' };
    expect(await propose(files)).toEqual({ migrate: ['bundle exec rails db:migrate'], seed: [] });
    expect((await propose({ ...files, 'db/seeds.rb': 'User.create!' })).seed).toEqual(['bundle exec rails db:seed']);
  });
});
