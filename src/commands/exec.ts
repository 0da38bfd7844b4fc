import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import type { InstanceRecord, StackState } from '../domain/instance.ts';
import { pickService } from './common/pick-service.ts';
import { splitTicketAndServices } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const exec: Verb<object, { exitCode: number }> = {
  name: 'exec',
  summary: 'run a command beside a ticket’s service, in its folder and env',
  args: '[ticket] [service]',
  command: 'loose',
  flags: [],
  examples: [
    'stack exec feat-02 api -- npm test',
    'stack exec feat-02 api sh',
    'cd tickets/feat-02/api && stack exec -- git status',
  ],
  completes: { tickets: true, services: true },
  async run(context, { args, command }) {
    const { state, record, service, argv } =
      command.length > 0 ? await readTarget(context, args, command) : await readLoose(context, args);
    const { describeTarget } = await import('../orchestrator/workloads/exec-target.ts');
    const stack = await context.stack();
    const { stdin, stdout, stderr } = context.host;
    const { runtime, target } = await describeTarget(stack, state, record, service);
    const tty = stdin.isTTY === true && stdout.isTTY === true;
    const exitCode = await runtime.exec(target, argv, {
      tty,
      stdin,
      stdout,
      stderr,
      signal: context.signal,
    });
    return { exitCode };
  },
  render: () => '',
  // The child's own output is the answer.
  toJson: () => undefined,
  exitCode: ({ exitCode }) => exitCode,
};

interface Wanted {
  state: StackState;
  record: InstanceRecord;
  service: string;
  /** The command line of the child. */
  argv: readonly string[];
}

async function readTarget(context: Context, args: readonly string[], argv: readonly string[]): Promise<Wanted> {
  const { state, record, services } = await splitTicketAndServices(context, args);
  return { state, record, service: await pickService(context, record, services), argv };
}

/** Without `--` the service must be named: what follows it is the command. Throws `usage`, `not-found`. */
async function readLoose(context: Context, args: readonly string[]): Promise<Wanted> {
  const hint = 'put it behind `--`: stack exec feat-02 api -- npm test';
  if (args.length < 2) throw new StackError('usage', 'no command to run', { hint });
  const { state, record, services } = await splitTicketAndServices(context, args);
  const [service = '', ...argv] = services;
  if (argv.length === 0) throw new StackError('usage', 'no command to run', { hint });
  if (!Object.hasOwn(record.services, service)) {
    const own = Object.keys(record.services).join(', ') || 'none';
    throw new StackError('not-found', `${record.ticket} has no service ${service} of its own`, {
      hint: `its services: ${own}; a command alone stands behind \`--\`: stack exec -- ${service}`,
    });
  }
  return { state, record, service, argv };
}
