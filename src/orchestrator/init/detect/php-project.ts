import path from 'node:path';
import { parseJson } from '../../../domain/json.ts';
import { findInTexts, type Sources } from '../../sources/sources.ts';
import { listFixedAddresses } from './checks.ts';
import { detectHealth } from './health.ts';
import { detectNeeds } from './needs.ts';
import type { Project } from './project.ts';
import { judgeFolder } from './roles.ts';
import { lineIn } from './shell-line.ts';
import { detectVariables } from './variables.ts';
import { listLaravelWorkers } from './workers.ts';

/** How the frameworks serve themselves while they are developed. */
const FRAMEWORKS: readonly { label: string; package: string; file: string; line: string }[] = [
  {
    ...{ label: 'Laravel', package: 'laravel/framework', file: 'artisan' },
    line: 'php artisan serve --host=${bind} --port=$PORT',
  },
  {
    ...{ label: 'Symfony', package: 'symfony/framework-bundle', file: 'bin/console' },
    line: 'php -S ${bind}:$PORT -t public',
  },
  { label: 'PHP', package: 'slim/slim', file: 'public/index.php', line: 'php -S ${bind}:$PORT -t public' },
];
const USUAL_PORT = 8000;
const DEFAULT_PHP = 8.3;

/** Returns what a project with Composer is; undefined where none of the frameworks is among its packages. */
export function detectPhpProject(sources: Sources, around: { repo: string; dir: string }): Project | undefined {
  const text = sources.texts.get('composer.json');
  const framework = FRAMEWORKS.find((one) => text?.includes(`"${one.package}"`) && sources.names.has(one.file));
  if (text === undefined || !framework) return undefined;
  const role = judgeFolder(around, { front: 0, api: 3 });
  return {
    dir: around.dir,
    label: framework.label,
    role,
    // PHP's own image has neither Composer nor a driver of a database.
    image: `serversideup/php:${versionOf(text)}-cli`,
    build: false,
    command: { value: framework.line },
    port: { value: USUAL_PORT, variable: 'PORT' },
    health: laravelHealth(sources) ?? detectHealth(sources, role),
    env: {},
    variables: detectVariables(sources),
    addresses: listFixedAddresses(sources),
    needs: detectNeeds(sources, new Set()),
    checks: [],
    setup: lineIn(around.dir, 'composer install'),
    setupMakes: path.posix.join(around.dir, 'vendor'),
    workers: framework.label === 'Laravel' ? listLaravelWorkers(sources) : [],
  };
}

/** `^8.2` allows the default, `8.2.*` and `~8.2.0` do not. */
function versionOf(composer: string): string {
  const data = parseJson(composer) as { require?: { php?: unknown } } | undefined;
  const range = String(data?.require?.php ?? '');
  const said = Number(range.match(/(\d+\.\d+)/)?.[1]);
  if (!said) return String(DEFAULT_PHP);
  return (/^(?:\^|>=)/.test(range) ? Math.max(said, DEFAULT_PHP) : said).toFixed(1);
}

/** `->withRouting(health: '/up')`. */
function laravelHealth(sources: Sources): { value: string } | undefined {
  const route = findInTexts(sources, /^bootstrap\/app\.php$/, /\bhealth:\s*['"]\/?([\w/-]+)['"]/)?.[1];
  return route === undefined ? undefined : { value: `/${route}` };
}
