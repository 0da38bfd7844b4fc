import { renderEnvLines } from '../domain/env-block.ts';
import { StackError } from '../domain/errors.ts';
import { quoteForShell } from '../domain/shell.ts';
import { renderSuggestion } from '../domain/suggest.ts';
import { pickService } from './common/pick-service.ts';
import { splitTicketAndServices } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  format: string;
}

interface Result {
  ticket: string;
  service: string;
  env: Record<string, string>;
  text: string;
}

/** What a shell takes for the name of a variable (POSIX, 3.231); env files may have others. */
const SHELL_NAME = /^[A-Za-z_]\w*$/;

const FORMATS: Record<string, (env: Record<string, string>) => string> = {
  shell: (env) =>
    Object.entries(env)
      .filter(([name]) => SHELL_NAME.test(name))
      .map(([name, value]) => `export ${name}=${quoteForShell(value)}`)
      .join('\n'),
  dotenv: (env) => renderEnvLines(env).join('\n'),
  json: (env) => JSON.stringify(env, null, 2),
};

export const env: Verb<Options, Result> = {
  name: 'env',
  summary: 'print the env of a ticket’s service, for programs on this machine',
  args: '[ticket] [service]',
  flags: [['--format <format>', Object.keys(FORMATS).join(', '), 'shell']],
  examples: [
    'eval "$(stack env feat-02 api)"',
    'stack env feat-02 api --format dotenv > /tmp/api.env',
    'cd tickets/feat-02/api && stack env',
  ],
  completes: { tickets: true, services: true },
  async run(context, { args, options }) {
    const format = Object.hasOwn(FORMATS, options.format) ? FORMATS[options.format] : undefined;
    if (!format) {
      const known = Object.keys(FORMATS);
      const message = `--format knows no ${JSON.stringify(options.format)}${renderSuggestion(options.format, known)}`;
      throw new StackError('usage', message, { hint: `it takes ${known.join(', ')}` });
    }
    const [{ readHostEnv }, { state, record, services }, stack] = await Promise.all([
      import('../orchestrator/workloads/host-env.ts'),
      splitTicketAndServices(context, args),
      context.stack(),
    ]);
    const service = await pickService(context, record, services);
    const found = await readHostEnv(stack, state, record, service);
    const left = options.format === 'shell' ? Object.keys(found).filter((name) => !SHELL_NAME.test(name)) : [];
    if (left.length > 0 && !context.options.json)
      context.emit({ type: 'warning', text: `a shell has no variables of these names: ${left.join(', ')}` });
    return { ticket: record.ticket, service, env: found, text: format(found) };
  },
  render: ({ text }) => text,
  toJson: ({ ticket, service, env: found }) => ({ ticket, service, env: found }),
};
