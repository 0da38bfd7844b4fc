import { CODE_FILES, CODE_SETTINGS, findInTexts, findText, isEnvFile, type Sources } from '../../sources/sources.ts';
import type { Needs } from './project.ts';

const POSTGRES_PACKAGES =
  /^(?:pg|pg-promise|postgres|@prisma\/client|prisma|knex|sequelize|typeorm|drizzle-orm|@mikro-orm\/.*|mikro-orm|objection|slonik|kysely|@adonisjs\/lucid|@neondatabase\/serverless)$/;
const MYSQL_PACKAGES = /^(?:mysql|mysql2|promise-mysql|mariadb|serverless-mysql|@prisma\/adapter-mariadb)$/;
const MYSQL_WORDS =
  /\bmysqlclient\b|\bpymysql\b|\baiomysql\b|\basyncmy\b|\bmysql-connector|\bmariadb-java-client\b|\bgo-sql-driver\/mysql\b|^\s*gem ['"](?:mysql2|trilogy)['"]|^ {4}(?:mysql2|trilogy) \(|\bext-pdo_mysql\b|:myxql\b/im;
const REDIS_PACKAGES =
  /^(?:redis|ioredis|bull|bullmq|bee-queue|connect-redis|@socket\.io\/redis-adapter|@keyv\/redis)$/;
const POSTGRES_WORDS =
  /\bpsycopg|\basyncpg\b|\bjackc\/pgx|\blib\/pq\b|^\s*gem ['"]pg['"]|^ {4}pg \(|\bpostgresql\b|\bext-(?:pdo_)?pgsql\b|:postgrex\b/m;
const REDIS_WORDS =
  /^\s*gem ['"](?:redis|sidekiq|resque)['"]|^ {4}(?:redis|sidekiq|resque) \(|\bredis[=~><]|^redis$|go-redis|^\s*"?redis"?\s*[=,>]|starter-data-redis|\bpredis\/predis\b/m;
const MANIFESTS =
  /^(?:pom\.xml|build\.gradle(?:\.kts)?|composer\.json|mix\.exs|Gemfile(?:\.lock)?|requirements(?:\/\w+|[^/]*)\.txt|pyproject\.toml|go\.mod)$/;

/** Tells which shared services the code of a folder seems to use: packages, manifests, variables. */
export function detectNeeds(sources: Sources, packages: ReadonlySet<string>): Needs {
  const uses = (named: RegExp, words: RegExp, variable: RegExp): boolean =>
    [...packages].some((name) => named.test(name)) ||
    findInTexts(sources, MANIFESTS, words) !== undefined ||
    findInTexts(sources, (file) => CODE_FILES.test(file) || CODE_SETTINGS.test(file), variable) !== undefined ||
    findInTexts(sources, isEnvFile, variable) !== undefined;
  const other = otherDatabase(sources);
  const postgres =
    other === undefined &&
    uses(POSTGRES_PACKAGES, POSTGRES_WORDS, /\bDATABASE_URL\b|postgres(?:ql)?:\/\/|^DB_CONNECTION=["']?pgsql/m);
  // Tools for any database count for Postgres where nothing says more.
  const named = uses(/^(?:pg|pg-promise|postgres)$/, POSTGRES_WORDS, /postgres(?:ql)?:\/\//);
  const mysql =
    other === 'mysql' || (other === undefined && !named && uses(MYSQL_PACKAGES, MYSQL_WORDS, MYSQL_ADDRESS));
  return {
    ...{ postgres: postgres && !mysql, mysql },
    redis: uses(REDIS_PACKAGES, REDIS_WORDS, /\bREDIS_(?:URL|HOST)\b|rediss?:\/\//),
  };
}

const MYSQL_ADDRESS = /\b(?:mysql2?|mariadb)(?:\+\w+)?:\/\//;

/** The database that the settings say it is, where that is not Postgres: one in a file is not ours to give. */
function otherDatabase(sources: Sources): 'mysql' | 'other' | undefined {
  const schema = findText(sources, /(?:^|\/)schema\.prisma$/);
  const said =
    schema?.match(/provider\s*=\s*"(sqlite|mysql|sqlserver|mongodb)"/)?.[1] ??
    findInTexts(sources, isEnvFile, OTHER_DATABASE)?.[1];
  if (said === undefined) return undefined;
  return said === 'mysql' || said === 'mariadb' ? 'mysql' : 'other';
}

const OTHER_DATABASE = /^DB_CONNECTION=["']?(mysql|mariadb|sqlite|sqlsrv)/m;
