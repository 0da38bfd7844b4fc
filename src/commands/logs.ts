import { once } from 'node:events';
import type { Context } from '../context.ts';
import { bestEffort, StackError } from '../domain/errors.ts';
import { type InstanceRecord, requireService } from '../domain/instance.ts';
import { escapeJson } from '../domain/json.ts';
import type { LogLine } from '../domain/runtime.ts';
import { showText } from '../ui/safe-text.ts';
import { splitTicketAndServices } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  follow?: boolean;
  tail: string;
  setup?: boolean;
  raw?: boolean;
}

export const logs: Verb<Options, undefined> = {
  name: 'logs',
  jsonHelp: 'print JSON lines: one document for each line',
  summary: 'show what a ticket’s services print',
  args: '[ticket] [services...]',
  flags: [
    ['-f, --follow', 'go on as they print'],
    ['-n, --tail <lines>', 'begin with this many of the newest lines, or `all`', '200'],
    ['--raw', 'control characters as they were printed; without it colours alone pass'],
    ['--setup', 'the output of the setup, migrate and seed commands instead'],
  ],
  examples: [
    'stack logs feat-02',
    'stack logs -f feat-02 api',
    'stack logs baseline api --tail 50',
    'stack logs feat-02 --setup',
  ],
  completes: { tickets: true, services: true },
  async run(context, { args, options }) {
    const { record, services } = await splitTicketAndServices(context, args);
    if (options.setup) return printSetupLogs(context, record, services, options);
    const { createLogPrefix } = await import('../ui/log-prefix.ts');
    const { refOf } = await import('../orchestrator/workloads/spec.ts');
    const stack = await context.stack();
    const names = services.length > 0 ? services : Object.keys(record.services);
    const { signal } = context;
    const shown = parseTail(options.tail);
    const prefix = createLogPrefix(names, { color: context.color });
    const show = (name: string, line: LogLine): Promise<void> =>
      print(context, line, { prefix: names.length > 1 ? prefix(name) : '', service: name, ...options });
    if (options.follow) {
      const { followLogs } = await import('../orchestrator/workloads/follow-logs.ts');
      await followLogs(stack, record, names, { ...shown, signal }, show);
      return undefined;
    }
    const sources = names.map((name) => ({ name, service: requireService(record, name) }));
    await Promise.all(
      sources.map(async ({ name, service }) => {
        const runtime = await stack.runtime(service.runtime);
        for await (const line of runtime.logs(refOf(stack, record, name), { ...shown, signal })) await show(name, line);
      }),
    );
    return undefined;
  },
  render: () => '',
};

/** With `--json` a line is a JSON document of its own, since a followed log never ends. Waits for a slow reader. */
async function print(
  { host, options, signal }: Context,
  { stream, text, bytes }: LogLine,
  { prefix, service, raw }: { prefix: string; service: string; raw?: boolean | undefined },
): Promise<void> {
  const line = options.json
    ? escapeJson(JSON.stringify({ service, stream, text }))
    : prefix + (raw ? '' : showText(text));
  const rest = raw && !options.json ? (bytes ?? Buffer.from(text)) : Buffer.alloc(0);
  if (!host.stdout.write(Buffer.concat([Buffer.from(line), rest, Buffer.from('\n')])))
    await bestEffort(once(host.stdout, 'drain', { signal }));
}

async function printSetupLogs(
  context: Context,
  record: InstanceRecord,
  repos: readonly string[],
  { raw }: Options,
): Promise<undefined> {
  const { readSetupLog } = await import('../orchestrator/steps/repo-command.ts');
  const stack = await context.stack();
  for (const repo of repos.length > 0 ? repos : Object.keys(record.repos)) {
    const lines = readSetupLog(stack.root, record.ticket, repo);
    for await (const line of lines)
      await print(context, { stream: 'stdout', ...line }, { prefix: '', service: repo, raw });
  }
  return undefined;
}

function parseTail(text: string): { tail?: number } {
  if (text === 'all') return {};
  if (/^\d+$/.test(text)) return { tail: Number(text) };
  throw new StackError('usage', `--tail takes a number of lines or \`all\`, not ${JSON.stringify(text)}`);
}
