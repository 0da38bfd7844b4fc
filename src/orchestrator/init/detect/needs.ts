import { CODE_FILES, CODE_SETTINGS, findInTexts, findText, isEnvFile, type Sources } from '../../sources/sources.ts';
import type { Needs } from './project.ts';

const POSTGRES_PACKAGES =
  /^(?:pg|pg-promise|postgres|@prisma\/client|prisma|knex|sequelize|typeorm|drizzle-orm|@mikro-orm\/.*|mikro-orm|objection|slonik|kysely|@adonisjs\/lucid|@neondatabase\/serverless)$/;
const REDIS_PACKAGES =
  /^(?:redis|ioredis|bull|bullmq|bee-queue|connect-redis|@socket\.io\/redis-adapter|@keyv\/redis)$/;
const POSTGRES_WORDS =
  /\bpsycopg|\basyncpg\b|\bjackc\/pgx|\blib\/pq\b|^\s*gem ['"]pg['"]|^ {4}pg \(|\bpostgresql\b|\bext-(?:pdo_)?pgsql\b|:postgrex\b/m;
const REDIS_WORDS =
  /^\s*gem ['"](?:redis|sidekiq|resque)['"]|^ {4}(?:redis|sidekiq|resque) \(|\bredis[=~><]|^redis$|go-redis|^\s*"?redis"?\s*[=,>]|starter-data-redis|\bpredis\/predis\b/m;
const MANIFESTS =
  /^(?:pom\.xml|build\.gradle(?:\.kts)?|composer\.json|mix\.exs|Gemfile(?:\.lock)?|requirements[^/]*\.txt|pyproject\.toml|go\.mod)$/;

/** Tells which shared services the code of a folder seems to use: packages, manifests, variables. */
export function detectNeeds(sources: Sources, packages: ReadonlySet<string>): Needs {
  const uses = (named: RegExp, words: RegExp, variable: RegExp): boolean =>
    [...packages].some((name) => named.test(name)) ||
    findInTexts(sources, MANIFESTS, words) !== undefined ||
    findInTexts(sources, (file) => CODE_FILES.test(file) || CODE_SETTINGS.test(file), variable) !== undefined ||
    findInTexts(sources, isEnvFile, variable) !== undefined;
  return {
    postgres:
      !usesOtherDatabase(sources) &&
      uses(POSTGRES_PACKAGES, POSTGRES_WORDS, /\bDATABASE_URL\b|postgres(?:ql)?:\/\/|^DB_CONNECTION=["']?pgsql/m),
    redis: uses(REDIS_PACKAGES, REDIS_WORDS, /\bREDIS_(?:URL|HOST)\b|rediss?:\/\//),
  };
}

/** A database in a file or of another make is not ours to give. */
function usesOtherDatabase(sources: Sources): boolean {
  const prisma = findText(sources, /(?:^|\/)schema\.prisma$/);
  if (prisma && /provider\s*=\s*"(?:sqlite|mysql|sqlserver|mongodb)"/.test(prisma)) return true;
  return findInTexts(sources, isEnvFile, OTHER_DATABASE) !== undefined;
}

const OTHER_DATABASE = /^DB_CONNECTION=["']?(?:mysql|mariadb|sqlite|sqlsrv)/m;
