import path from 'node:path';
import { type Manifest, readManifest } from '../../sources/manifest.ts';
import { CODE_FILES, findInTexts, readSources, type Sources } from '../../sources/sources.ts';
import type { ComposeServer } from './compose-server.ts';
import { detectPackageManager, hasLockfile } from './package-manager.ts';
import type { Project } from './project.ts';
import { listsPython, runsDjango } from './python-project.ts';
import { readRecipes } from './recipes.ts';
import { lineIn } from './shell-line.ts';

/** Lines that bring a project's database up to date and fill it, in its own folder; undefined where nothing tells. */
interface Migrations {
  migrate: string | undefined;
  seed: string | undefined;
}

/** Lines of a repo, from its top. */
export interface RepoMigrations {
  migrate: string[];
  seed: string[];
}

/**
 * Tells what brings the database of a repo's projects up to date: their own scripts or tools, else those of another package of the
 * repo; nothing where no project needs a database. Never throws.
 */
export async function detectMigrations(
  repo: string,
  projects: readonly Project[],
  servers: readonly ComposeServer[] = [],
): Promise<RepoMigrations> {
  const hasMysql = servers.some(({ kind }) => kind === 'mysql');
  const needing = projects.filter(({ needs, role }) => needs.postgres || needs.mysql || (hasMysql && role !== 'front'));
  const top = await readSources(repo);
  const found = await Promise.all(
    needing.map(async ({ dir }) => {
      const sources = dir === '' ? top : await readSources(path.join(repo, dir));
      return toLines(dir, detectOne(sources, top));
    }),
  );
  const own = joinLines(found);
  if (own.migrate.length > 0 || needing.length === 0) return own;
  const known = new Set(projects.map(({ dir }) => dir));
  for (const dir of listPackages(top)) {
    const lines = known.has(dir) ? undefined : toLines(dir, detectOne(viewOf(top, dir), top));
    if (lines && lines.migrate.length > 0) return lines;
  }
  return own;
}

function toLines(dir: string, { migrate, seed }: Migrations): RepoMigrations {
  const lines = (line: string | undefined) => (line === undefined ? [] : [lineIn(dir, line)]);
  return { migrate: lines(migrate), seed: migrate === undefined ? [] : lines(seed) };
}

function joinLines(found: readonly RepoMigrations[]): RepoMigrations {
  const join = (key: keyof RepoMigrations) => [...new Set(found.flatMap((one) => one[key]))];
  return { migrate: join('migrate'), seed: join('seed') };
}

function detectOne(sources: Sources, top: Sources): Migrations {
  const own = detectOwn(sources, top);
  if (own.migrate !== undefined) return own;
  const recipes = readRecipes(sources);
  return { migrate: recipes.migrate, seed: own.seed ?? recipes.seed };
}

/** What the scripts and the tools of its language say. */
function detectOwn(sources: Sources, top: Sources): Migrations {
  const gemfile = sources.texts.get('Gemfile');
  if (gemfile !== undefined && /^\s*gem ['"]rails['"]/m.test(gemfile)) {
    return detectRailsMigrations(sources, sources.names.has('bin/rails') ? 'bin/rails' : 'bundle exec rails');
  }
  const isPython = ['manage.py', 'alembic.ini', 'requirements.txt', 'requirements/base.txt', 'pyproject.toml'].some(
    (name) => sources.names.has(name),
  );
  if (isPython) return detectPythonMigrations(sources, pythonOf(sources, top));
  const other = detectOtherMigrations(sources);
  const manifest = readManifest(sources);
  if (other.migrate !== undefined || !manifest) return other;
  const place = hasLockfile(sources) || !top.names.has('package.json') ? sources : top;
  const manager = detectPackageManager(place, readManifest(place) ?? manifest);
  return detectNodeMigrations(sources, manifest, (script) => manager.runScript(script, ''));
}

/** The Python that its packages are installed for: they may be listed at the top of the repo alone. */
function pythonOf(sources: Sources, top: Sources): string {
  const isAbove = !listsPython(sources) && listsPython(top);
  return path.posix.join(isAbove ? path.relative(sources.folder, top.folder) : '', '.venv/bin/python');
}

/** Folders of a repo with a `package.json`, the upper ones first. */
function listPackages({ texts }: Sources): string[] {
  return [...texts.keys()].filter((name) => path.posix.basename(name) === 'package.json').map(dirOf);
}

function dirOf(file: string): string {
  const dir = path.posix.dirname(file);
  return dir === '.' ? '' : dir;
}

/** What was read of one folder of a repo. */
function viewOf({ folder, names, texts }: Sources, dir: string): Sources {
  const start = dir === '' ? '' : `${dir}/`;
  const inside = (name: string) => name.startsWith(start);
  return {
    folder: path.join(folder, dir),
    names: new Set([...names].filter(inside).map((name) => name.slice(start.length))),
    texts: new Map([...texts].filter(([name]) => inside(name)).map(([name, text]) => [name.slice(start.length), text])),
  };
}

/** Best first: those that apply what is there come before those that a developer is asked by. */
const MIGRATE_SCRIPTS =
  /^(?:(?:db|prisma|database|typeorm|knex|drizzle|sequelize):)?(?:migrations?:(?:deploy|run|latest|up|apply)|migrate:(?:deploy|run|latest|up|apply))$/;
const MIGRATE_PLAIN = /^(?:(?:db|prisma|database|typeorm|knex|drizzle|sequelize|orm):)?(?:migrate|migrations)$/;
const SEED_SCRIPTS = /^(?:(?:db|prisma|database|knex|typeorm):)?seeds?(?::run)?(?::(?:all|dev|relational))?$/;
/** It makes new migrations, or asks. */
const ASKS = /\bprisma migrate dev\b|migration:(?:generate|create)|migrate:make/;

/** Tells what a Node project's database is brought up to date with: its scripts, else its tool. */
function detectNodeMigrations(sources: Sources, manifest: Manifest, runScript: (script: string) => string): Migrations {
  const names = Object.keys(manifest.scripts);
  const pick = (pattern: RegExp): string | undefined =>
    names.find((name) => pattern.test(name) && !ASKS.test(manifest.scripts[name] ?? ''));
  const migrate = pick(MIGRATE_SCRIPTS) ?? pick(MIGRATE_PLAIN);
  const seed = pick(SEED_SCRIPTS);
  return {
    migrate: migrate === undefined ? lineOfTool(sources, manifest) : runScript(migrate),
    seed: seed === undefined ? seedOfTool(sources, manifest) : runScript(seed),
  };
}

function lineOfTool(sources: Sources, { packages }: Manifest): string | undefined {
  const has = (pattern: RegExp) => [...sources.names].some((name) => pattern.test(name));
  if (packages.has('@medusajs/medusa') || packages.has('@medusajs/framework')) return 'npx medusa db:migrate';
  if (has(/^(?:(?:src|db|server)\/)?(?:prisma\/)?schema\.prisma$/)) {
    return has(/(?:^|\/)migrations\/.*\.sql$/) ? 'npx prisma migrate deploy' : 'npx prisma db push';
  }
  if (packages.has('knex') && has(/^knexfile\.[cm]?[jt]s$/)) return 'npx knex migrate:latest';
  if (packages.has('drizzle-kit') && has(/^drizzle\.config\./)) {
    return has(/\.sql$/) ? 'npx drizzle-kit migrate' : 'npx drizzle-kit push --force';
  }
  if (packages.has('sequelize-cli')) return 'npx sequelize-cli db:migrate';
  return undefined;
}

function seedOfTool(sources: Sources, { packages }: Manifest): string | undefined {
  if (/"prisma"\s*:\s*\{[^}]*"seed"\s*:/.test(sources.texts.get('package.json') ?? '')) return 'npx prisma db seed';
  const knex = packages.has('knex') && sources.names.has('knexfile.js');
  return knex && [...sources.names].some((name) => name.startsWith('seeds/')) ? 'npx knex seed:run' : undefined;
}

/** Tells it of a Python project; `python` is the one that its packages are installed for. */
function detectPythonMigrations(sources: Sources, python: string): Migrations {
  const flask = findInTexts(sources, /\.py$/, /\bflask_migrate\b/);
  const migrate = runsDjango(sources)
    ? `${python} manage.py migrate --noinput`
    : sources.names.has('alembic.ini')
      ? `${python} -m alembic upgrade head`
      : flask
        ? `${python} -m flask db upgrade`
        : undefined;
  return { migrate, seed: undefined };
}

/** Tells it of a Rails project; `rails` is how its program is called. */
function detectRailsMigrations(sources: Sources, rails: string): Migrations {
  const seeds = sources.texts
    .get('db/seeds.rb')
    ?.replaceAll(/^\s*#.*$/gm, '')
    .trim();
  return { migrate: `${rails} db:migrate`, seed: seeds ? `${rails} db:seed` : undefined };
}

/** Returns the lines of the first of several tools that knows one. */
function detectOtherMigrations(sources: Sources): Migrations {
  if (sources.names.has('artisan')) {
    const seeds = sources.names.has('database/seeders/DatabaseSeeder.php');
    return { migrate: 'php artisan migrate --force', seed: seeds ? 'php artisan db:seed --force' : undefined };
  }
  if (/\{:ecto_sql,/.test(sources.texts.get('mix.exs') ?? '')) {
    const seeds = sources.texts
      .get('priv/repo/seeds.exs')
      ?.replaceAll(/^\s*#.*$/gm, '')
      .trim();
    return { migrate: 'mix ecto.migrate', seed: seeds ? 'mix run priv/repo/seeds.exs' : undefined };
  }
  return { migrate: undefined, seed: undefined };
}

/** True where TypeORM makes the tables as the code has them. */
export function synchronizes({ texts }: Sources, packages: ReadonlySet<string>): boolean {
  const pattern = /\bsynchronize\s*:\s*(?!false\b)\w/;
  return packages.has('typeorm') && [...texts].some(([file, text]) => CODE_FILES.test(file) && pattern.test(text));
}
