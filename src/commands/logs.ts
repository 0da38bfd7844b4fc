import { once } from 'node:events';
import type { Context } from '../context.ts';
import { bestEffort, StackError, tolerate } from '../domain/errors.ts';
import {
  BASELINE,
  dedicatedRepos,
  type InstanceRecord,
  isBorrowed,
  requireDedicated,
  requireService,
} from '../domain/instance.ts';
import { escapeJson } from '../domain/json.ts';
import { parseMoment } from '../domain/moment.ts';
import type { LogLine, LogOptions } from '../domain/runtime.ts';
import { ticketOf } from '../domain/ticket.ts';
import type { Stack } from '../orchestrator/core/stack.ts';
import { showText } from '../ui/safe-text.ts';
import { ALL_FLAG, bothSaid, selectAll, splitTicketAndServices } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  follow?: boolean;
  tail?: string;
  since?: string;
  timestamps?: boolean;
  setup?: boolean;
  raw?: boolean;
  all?: boolean;
}

/** How many lines of a service are shown where nobody says. */
const SHOWN_LINES = 200;

/** The services, or of `--setup` the repos, of one ticket, with what each of their lines begins with. */
interface Source {
  record: InstanceRecord;
  names: string[];
  label: (name: string) => string;
}

export const logs: Verb<Options, undefined> = {
  name: 'logs',
  jsonHelp: 'print JSON lines: one document for each line',
  summary: 'show what a ticket’s services print',
  args: '[ticket] [services...]',
  flags: [
    ['-f, --follow', 'go on as they print'],
    ['-n, --tail <lines>', `begin with this many of the newest lines of each, or \`all\`; default: ${SHOWN_LINES}`],
    [
      '--since <moment>',
      'only what was printed since: `10m`, `1h30m` ago, or `2026-01-31T09:30`; all of it without --tail',
    ],
    ['-t, --timestamps', 'when each line was printed, in UTC'],
    ['--raw', 'control characters as they were printed; without it colours alone pass'],
    ['--setup', 'the output of the setup and migrate commands instead, all of it'],
    ALL_FLAG,
  ],
  examples: [
    'stack logs feat-02',
    'stack logs -f feat-02 api',
    'stack logs -f --all',
    'stack logs baseline api --tail 50',
    'stack logs feat-02 -t --since 10m',
    'stack logs feat-02 --setup',
  ],
  completes: { tickets: true, services: true },
  async run(context, { args, options }) {
    if (options.setup && options.follow)
      throw bothSaid('--setup and --follow', 'the output of set-up is shown as it is now');
    const timed = options.since === undefined ? '--timestamps' : '--since';
    if (options.setup && (options.timestamps || options.since !== undefined))
      throw bothSaid(`--setup and ${timed}`, 'the output of set-up is kept without times');
    const how = readHow({ ...options, json: context.options.json }, context.signal);
    const sources = options.all ? await findAll(context, args, options) : await findSources(context, args, options);
    const [{ createLogPrefix }, { createStyle }] = await Promise.all([
      import('../ui/log-prefix.ts'),
      import('../ui/style.ts'),
    ]);
    const stamp = createStamp(context, options, createStyle(context.color).dim);
    const labels = sources.flatMap(({ names, label }) => names.map(label));
    const prefix = createLogPrefix(labels, { color: context.color });
    const stack = await context.stack();
    await Promise.all(
      sources.map(async (source) => {
        const { record, label } = source;
        const show: Show = (name, line) =>
          print(context, line, {
            prefix: (labels.length > 1 ? prefix(label(name)) : '') + stamp(line.time, label(name)),
            about: { ticket: record.ticket, service: name },
            raw: options.raw,
          });
        if (options.setup) return readSetup(stack, source, how, show);
        if (!options.follow) return readNow(stack, source, how, show, options.all);
        const { followLogs } = await import('../orchestrator/workloads/follow-logs.ts');
        return followLogs(stack, record, source.names, how, show);
      }),
    );
    return undefined;
  },
  render: () => '',
};

type Show = (name: string, line: LogLine) => Promise<void>;
type How = Pick<LogOptions, 'tail' | 'since' | 'times'> & { signal: AbortSignal };

/** Returns what writes when a line was printed, and says once of each service that has lines of which nobody knows. */
function createStamp(context: Context, { timestamps, since }: Options, paint: (text: string) => string) {
  const told = new Set<string>();
  return (time: number | undefined, label: string): string => {
    if (!timestamps && since === undefined) return '';
    if (time !== undefined) return timestamps && !context.options.json ? paint(`${new Date(time).toISOString()} `) : '';
    const reason = 'an older version of stack kept them, there was no perl, or they were copied';
    if (!told.has(label)) context.emit({ type: 'warning', text: `some lines of ${label} have no time: ${reason}` });
    told.add(label);
    return '';
  };
}

/** Throws `usage`. */
function readHow({ tail, since, timestamps, setup, json }: Options & { json?: boolean }, signal: AbortSignal): How {
  const isWhole = setup || since !== undefined;
  return {
    ...parseTail(tail ?? (isWhole ? 'all' : String(SHOWN_LINES))),
    ...(since !== undefined && { since: parseMoment(since, '--since', Date.now()) }),
    times: timestamps === true || since !== undefined || json === true,
    signal,
  };
}

/** Returns what is meant of one ticket: a service that it borrows is the baseline’s, which is told. Throws `usage`, `not-found`. */
async function findSources(context: Context, args: readonly string[], { setup }: Options): Promise<Source[]> {
  const { state, record, services } = await splitTicketAndServices(context, args);
  const label = (name: string): string => name;
  if (setup) {
    for (const repo of services) requireDedicated(record, repo);
    return [{ record, names: services.length > 0 ? services : dedicatedRepos(record).map(([repo]) => repo), label }];
  }
  if (services.length === 0) return [{ record, names: Object.keys(record.services), label }];
  const { baseline } = state;
  const borrowed = services.filter((name) => isBorrowed(record, baseline, name));
  const names = services.filter((name) => !borrowed.includes(name));
  for (const name of names) requireService(record, name);
  if (!baseline || borrowed.length === 0) return [{ record, names, label }];
  context.emit({
    type: 'info',
    text: `${record.ticket} borrows ${borrowed.join(', ')}: this is what the baseline’s prints`,
  });
  return [
    { record, names, label },
    { record: baseline, names: borrowed, label: (name) => `${name} (${BASELINE})` },
  ];
}

async function findAll(context: Context, args: readonly string[], { setup }: Options): Promise<Source[]> {
  const { instances } = await (await context.stack()).store.read();
  const ticket = args.find((word) => Object.hasOwn(instances, ticketOf(word)));
  if (ticket !== undefined) throw bothSaid('--all and a ticket’s name', 'leave one of the two away');
  const records = Object.values(instances);
  if (setup) {
    return records.map((record) => {
      const repos = dedicatedRepos(record).map(([repo]) => repo);
      return describeAll(record, args.length > 0 ? repos.filter((repo) => args.includes(repo)) : repos);
    });
  }
  return [...selectAll(records, args)].map(([name, services]) => {
    const record = instances[name] as InstanceRecord;
    return describeAll(record, services.length > 0 ? services : Object.keys(record.services));
  });
}

function describeAll(record: InstanceRecord, names: readonly string[]): Source {
  return { record, names: [...names], label: (name) => `${record.ticket} ${name}` };
}

/** Of every ticket, one whose services have never run has nothing to show. */
async function readNow(stack: Stack, { record, names }: Source, how: How, show: Show, isAny = false): Promise<void> {
  const { refOf } = await import('../orchestrator/workloads/spec.ts');
  await Promise.all(
    names.map(async (name) => {
      const runtime = await stack.runtime(requireService(record, name).runtime);
      const read = async (): Promise<void> => {
        for await (const line of runtime.logs(refOf(stack, record, name), how)) await show(name, line);
      };
      await (isAny ? tolerate(read(), 'not-found') : read());
    }),
  );
}

/** One repo after the other, since each ran for itself. */
async function readSetup(stack: Stack, { record, names }: Source, { tail }: How, show: Show): Promise<void> {
  const { readSetupLog } = await import('../orchestrator/steps/repo-command.ts');
  for (const repo of names) {
    for await (const line of readSetupLog(stack.root, record.ticket, repo, tail))
      await show(repo, { stream: 'stdout', ...line });
  }
}

/** With `--json` a line is a JSON document of its own, since a followed log never ends. Waits for a slow reader. */
async function print(
  { host, options, signal }: Context,
  { stream, text, bytes, time }: LogLine,
  { prefix, about, raw }: { prefix: string; about: { ticket: string; service: string }; raw?: boolean | undefined },
): Promise<void> {
  const line = options.json
    ? escapeJson(JSON.stringify({ ...about, ...timeOf(time), stream, text }))
    : prefix + (raw ? '' : showText(text));
  const rest = raw && !options.json ? (bytes ?? Buffer.from(text)) : Buffer.alloc(0);
  if (!host.stdout.write(Buffer.concat([Buffer.from(line), rest, Buffer.from('\n')])))
    await bestEffort(once(host.stdout, 'drain', { signal }));
}

function timeOf(time: number | undefined): { time?: string } {
  return time === undefined ? {} : { time: new Date(time).toISOString() };
}

function parseTail(text: string): { tail?: number } {
  if (text === 'all') return {};
  if (/^\d+$/.test(text)) return { tail: Number(text) };
  throw new StackError('usage', `--tail takes a number of lines or \`all\`, not ${JSON.stringify(text)}`, {
    hint: 'e.g. `--tail 50`',
  });
}
