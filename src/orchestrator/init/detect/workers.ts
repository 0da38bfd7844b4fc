import { findText, type Sources } from '../../sources/sources.ts';
import { readProcfileWorkers } from './procfile.ts';
import type { Project, Worker } from './project.ts';

/** Returns the workers of a Python program: those of its Procfile, else Celery's. */
export function listPythonWorkers(sources: Sources): Worker[] {
  const named = readProcfileWorkers(sources).workers.map(({ name, command }) => ({
    name,
    label: 'worker',
    command: inVenv(command),
  }));
  if (named.length > 0) return named;
  const app = [...sources.texts].flatMap(([file, text]) => {
    const variable = file.endsWith('.py') ? text.match(/^(\w+)\s*(?::\s*\w+\s*)?=\s*Celery\(/m)?.[1] : undefined;
    const module = file.replace(/(?:\/__init__)?\.py$/, '').replaceAll('/', '.');
    return variable === undefined ? [] : [/^(?:app|celery)$/.test(variable) ? module : `${module}:${variable}`];
  })[0];
  if (app === undefined) return [];
  return [{ name: 'worker', label: 'Celery', command: inVenv(`celery -A ${app} worker --loglevel=info`) }];
}

/** The programs that its setup installs: `celery -A app worker` is `.venv/bin/python -m celery -A app worker`. */
function inVenv(line: string): string {
  const place = line
    .replace(/^(?:exec|poetry run|uv run|pipenv run)\s+/, '')
    .replace(/^(?:\w+=\S+\s+)*/, (variables) => `${variables}.venv/bin/`);
  return place.replace(/\.venv\/bin\/(?:python3? -m )?celery\b/, '.venv/bin/python -m celery');
}

/** Returns the workers of a Ruby program: those of its Procfile, else Sidekiq's. */
export function listRubyWorkers(sources: Sources, ready: string): Worker[] {
  const named = readProcfileWorkers(sources).workers.map(({ name, command }) => ({
    name,
    label: 'worker',
    command: `${ready} && ${command}`,
  }));
  const hasSidekiq = /^\s*gem ['"]sidekiq['"]/m.test(sources.texts.get('Gemfile') ?? '');
  if (named.length > 0 || !hasSidekiq) return named;
  return [{ name: 'worker', label: 'Sidekiq', command: `${ready} && bundle exec sidekiq` }];
}

/** Returns the worker of a Laravel program: Horizon, or what works on a queue that is kept somewhere. */
export function listLaravelWorkers(sources: Sources): Worker[] {
  const env = findText(sources, /^\.env(?:\.example)?$/) ?? '';
  const composer = sources.texts.get('composer.json') ?? '';
  if (composer.includes('"laravel/horizon"')) {
    return [{ name: 'worker', label: 'Horizon', command: 'php artisan horizon' }];
  }
  const hasJobs = [...sources.names].some((name) => /^app\/Jobs\/.*\.php$/.test(name));
  return hasJobs && /^QUEUE_CONNECTION=(?!sync)\w/m.test(env)
    ? [{ name: 'worker', label: 'queue', command: 'php artisan queue:listen' }]
    : [];
}

const WORKER_SCRIPT = /^(?:(?:dev|start|watch):)?(?:workers?|queues?|jobs|consumer)(?::(?:dev|start|watch))?$/;

/** Returns the worker that a script of a Node program starts; of several scripts for one, that for developers. */
export function listNodeWorkers(scripts: Readonly<Record<string, string>>, run: (script: string) => string): Worker[] {
  const named = Object.keys(scripts).filter((name) => WORKER_SCRIPT.test(name));
  const script = named.find((name) => /dev|watch/.test(name)) ?? named[0];
  return script === undefined ? [] : [{ name: 'worker', label: 'worker', command: run(script) }];
}

/** Packages whose programs wait for work that others hand them. */
const QUEUE_PACKAGES =
  /^(?:bull|bullmq|bee-queue|amqplib|kafkajs|pg-boss|graphile-worker|agenda|@temporalio\/worker|nats|@trigger\.dev\/sdk)$/;

/** True for a package that works on a queue. */
export function worksOnQueue(packages: ReadonlySet<string>): boolean {
  return [...packages].some((name) => QUEUE_PACKAGES.test(name));
}

/** Returns a project and its workers, each as a project of its own that listens nowhere. */
export function withWorkers(project: Project): Project[] {
  const { workers = [], label } = project;
  return [
    project,
    ...workers.map(
      (worker): Project => ({
        ...project,
        ...{ role: 'other', worker: worker.name, label: `${label}, ${worker.label}`, checks: [], addresses: [] },
        command: { value: worker.command },
      }),
    ),
  ];
}
