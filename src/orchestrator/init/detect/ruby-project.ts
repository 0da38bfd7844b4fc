import { findInTexts, type Sources } from '../../sources/sources.ts';
import { listFixedAddresses } from './checks.ts';
import { imageInDockerfile } from './dockerfile.ts';
import { detectHealth } from './health.ts';
import { detectNeeds } from './needs.ts';
import { detectPort } from './ports.ts';
import { checkProcfile, readProcfile } from './procfile.ts';
import type { Project } from './project.ts';
import { judgeFolder } from './roles.ts';
import { lineIn } from './shell-line.ts';
import { detectVariables } from './variables.ts';
import { listRubyWorkers } from './workers.ts';

const DEFAULT_RUBY = '3.3';
const READY = '(bundle check >/dev/null || bundle install)';
const NO_PACKAGES: ReadonlySet<string> = new Set();

/** Returns what a Ruby project is; undefined when it has no `Gemfile`, or nothing in it starts a server. */
export function detectRubyProject(sources: Sources, around: { repo: string; dir: string }): Project | undefined {
  const gemfile = sources.texts.get('Gemfile');
  if (gemfile === undefined) return undefined;
  const rails = /^\s*gem ['"]rails['"]/m.test(gemfile);
  const server = rails ? railsLine(sources) : rackLine(sources, gemfile);
  if (server === undefined) return undefined;
  const role = judgeFolder(around, { front: 0, api: 3 });
  const variables = detectVariables(sources);
  return {
    dir: around.dir,
    label: rails ? 'Rails' : 'Ruby',
    role,
    // Not the slim image: gems such as pg are compiled when they are installed.
    image: imageInDockerfile(sources, 'ruby')?.replace(/-slim\b/, '') ?? `ruby:${detectRubyVersion(sources, gemfile)}`,
    build: false,
    // The main checkout is not set up by stack, and gems of this machine are not those of a container.
    command: { value: `${READY} && ${server}` },
    port: { ...detectPort(sources, variables, { usual: 3000 }), variable: 'PORT' },
    health: railsHealth(sources) ?? detectHealth(sources, role),
    // Gems stay in the worktree: a container that has done its setup is thrown away.
    env: { BUNDLE_PATH: '.bundle/gems' },
    variables,
    addresses: listFixedAddresses(sources),
    needs: detectNeeds(sources, NO_PACKAGES),
    checks: checkProcfile(sources),
    setup: lineIn(around.dir, 'bundle install'),
    setupMakes: undefined,
    workers: listRubyWorkers(sources, READY),
  };
}

/** Returns the version of Ruby a folder asks for: `3.3.0`. */
function detectRubyVersion(sources: Sources, gemfile: string): string {
  const said =
    sources.texts.get('.ruby-version')?.match(/(\d+\.\d+(?:\.\d+)?)/)?.[1] ??
    sources.texts.get('.tool-versions')?.match(/^ruby\s+(\d+\.\d+(?:\.\d+)?)/m)?.[1] ??
    gemfile.match(/^\s*ruby ['"](?:~>\s*)?(\d+\.\d+(?:\.\d+)?)['"]/m)?.[1] ??
    sources.texts.get('Gemfile.lock')?.match(/^RUBY VERSION\s+ruby (\d+\.\d+\.\d+)/m)?.[1];
  return said ?? DEFAULT_RUBY;
}

function railsLine(sources: Sources): string {
  const program = sources.names.has('bin/rails') ? 'bin/rails' : 'bundle exec rails';
  return `${program} s -b \${bind} -p $PORT`;
}

function rackLine(sources: Sources, gemfile: string): string | undefined {
  if (!sources.names.has('config.ru')) return readProcfile(sources);
  if (/^\s*gem ['"]puma['"]/m.test(gemfile)) return 'bundle exec puma -b tcp://${bind}:$PORT';
  return 'bundle exec rackup -o ${bind} -p $PORT';
}

function railsHealth(sources: Sources): { value: string } | undefined {
  const route = findInTexts(
    sources,
    /^config\/routes\.rb$/,
    /get\s+['"]\/?([\w/-]+)['"]\s*(?:=>|,\s*to:)\s*['"]rails\/health#show/,
  );
  return route ? { value: `/${route[1]}` } : undefined;
}
