import type { Sources } from '../../sources/sources.ts';

const QUEUES =
  /\b(?:celery|sidekiq|resque|good_job|solid_queue|delayed_job|que|shoryuken|rq|dramatiq|huey|arq|taskiq|bullmq|horizon|queue|jobs|workers?|consumers?|schedulers?|beat|cron)\b/i;
/** They are no programs of the product: what serves it, and what builds pages for it. */
const OTHER_LINES = /^(?:web|release|server|app|api|css|js|assets?|vite|webpack|client|frontend|tailwind)$/;

interface Line {
  name: string;
  command: string;
}

/** Returns the lines of a Procfile that work on queues, by name, and the names of those that nobody knows. */
export function readProcfileWorkers(sources: Sources): { file: string; workers: Line[]; others: string[] } {
  const file = ['Procfile.dev', 'Procfile'].find((name) => sources.texts.has(name)) ?? '';
  const lines = [...(sources.texts.get(file)?.matchAll(/^([\w-]+):[ \t]*(\S.*?)[ \t]*$/gm) ?? [])].map(
    ([, name = '', command = '']): Line => ({ name, command }),
  );
  const isWorker = ({ name, command }: Line) => !OTHER_LINES.test(name) && (QUEUES.test(name) || QUEUES.test(command));
  return {
    file,
    workers: lines.filter(isWorker),
    others: lines.filter((line) => !/^(?:web|release)$/.test(line.name) && !isWorker(line)).map(({ name }) => name),
  };
}

/** Tells of the processes beside `web` that a Procfile starts and that are no workers. */
export function checkProcfile(sources: Sources): string[] {
  const { file, others } = readProcfileWorkers(sources);
  return others.length === 0 ? [] : [`${file} starts ${others.join(', ')} too: add a service for what you need of it`];
}

/** Returns the line that a Procfile starts `web` with. */
export function readProcfile(sources: Sources): string | undefined {
  const text = sources.texts.get('Procfile.dev') ?? sources.texts.get('Procfile');
  return text?.match(/^web:\s*(.+?)\s*$/m)?.[1];
}
