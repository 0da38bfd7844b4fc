import path from 'node:path';
import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import type { InstanceRecord } from '../domain/instance.ts';
import { OWNABLE } from '../domain/own-kinds.ts';
import { quoteForShell } from '../domain/shell.ts';
import { type Extent, type Step, type StepState, stepName, titleWithReason } from '../domain/step.ts';
import type { InstancesView, InstanceView } from '../domain/view.ts';
import type { Stack } from '../orchestrator/core/stack.ts';
import type { IssueTask } from '../orchestrator/prepare/issue.ts';
import type { RepoRequest } from '../orchestrator/prepare/repos.ts';
import { formatDuration } from '../ui/duration.ts';
import { numberSteps } from '../ui/wrap.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import { pauseIdleTickets } from './common/pause-idle.ts';
import {
  type BegunView,
  RUN_FLAGS,
  RUN_OPTIONS,
  type RunFlags,
  readPrompt,
  requireWhat,
  runIn,
} from './common/start-run.ts';
import { readTaskFlags, TASK_FLAGS, type TaskFlags } from './common/task-flags.ts';
import { listValues, type RenderOptions, type Verb, type VerbInput } from './common/verb.ts';

/** What one may say of a ticket that is to be made. */
export interface CreateFlags {
  with?: string[];
  own?: string[];
  migrate?: boolean;
  setup: boolean;
  start: boolean;
  wait: boolean;
  dryRun?: boolean;
}

/** The flags of `CreateFlags`. */
export const CREATE_FLAGS: Verb['flags'] = [
  ['--with <repo...>', 'its own copy of a shared repo, from the repo’s base'],
  ['--own <service...>', `its own database in these shared services: ${OWNABLE.join(', ')}`],
  ['--migrate', 'run `migrate:` commands also on the database that all share'],
  ['--no-setup', 'leave `setup:` and `migrate:` commands to you; they count as run'],
  ['--no-start', 'worktrees, leases, env files and set-up; no service, no data of its own'],
  ['--no-wait', 'do not wait until the services are ready'],
  ['--dry-run', 'say what would be made, in order; touch nothing'],
];

/** Those that there are once per repo. */
export const CREATE_REPO_FLAGS: NonNullable<Verb['repoFlags']> = [
  {
    name: 'from',
    value: 'REF',
    description: 'own copy of that repo; its new branch starts at REF (a branch, a tag, a commit, `pr:123`, `mr:45`)',
  },
  { name: 'on', value: 'BRANCH', description: 'own copy of that repo, on a branch that exists' },
];

/** What a command that makes a ticket would do. */
export interface Preview {
  ticket: string;
  steps: {
    id: string;
    subject: string;
    title: string;
    state: 'present' | 'absent' | 'different';
    /** Why it is `different`. */
    reason?: string;
  }[];
}

type Result = { preview: Preview } | { made: InstancesView; begun?: BegunView };

type Options = CreateFlags &
  RunFlags &
  TaskFlags & { keepOnFailure?: boolean; fetch?: boolean; issue?: string; run?: boolean };

export const create: Verb<Options, Result> = {
  name: 'create',
  aliases: ['new'],
  summary: 'make a ticket its own running copy of the product',
  args: '[ticket]',
  command: 'strict',
  flags: [
    ...CREATE_FLAGS,
    ['--fetch', 'ask the remotes first; new branches start from what they have of the bases'],
    [
      '--issue <issue>',
      'its task and name from an issue of the forge (`123`, `api#123`, a URL), which its pull request closes',
    ],
    ...TASK_FLAGS,
    ['--run', 'start an agent there once it is made, as `stack run` does: a command behind `--`, or `--agent`'],
    ...RUN_FLAGS,
    ['--keep-on-failure', 'leave what was made should it fail; the next create goes on from there'],
  ],
  repoFlags: CREATE_REPO_FLAGS,
  examples: [
    'stack create feat-01',
    'stack create feat-02 --from-front=feat/ui --from-api=feat/endpoint',
    'stack create fix/login --with api --no-wait',
    'stack create feat-03 --with api --own postgres',
    'stack create review-7 --on-front=feat/ui --dry-run',
    'stack create feat-04 --fetch',
    'stack create --issue 123',
    'stack create feat-06 --task "Show prices with tax" --context docs/prices.md',
    'stack create feat-05 --keep-on-failure',
    'stack create feat-06 --run -d --prompt-file task.md -- my-agent',
  ],
  completes: {},
  async run(context, { args: [named], command, options, from, on }) {
    const said = await readAgent(context, options, command);
    if (named === undefined && options.issue === undefined) {
      throw new StackError('usage', "missing required argument 'ticket'", {
        hint: '`stack create --help` says what it takes; with `--issue NUMBER` the issue names the ticket',
      });
    }
    const { createInstance, previewCreate } = await import('../orchestrator/lifecycle/create.ts');
    const stack = await context.stack();
    const flags = readCreateFlags({ options, from, on });
    const wish = { ...flags.request, latest: options.fetch === true };
    const told = await readTaskFlags(context, options);
    // A preset knows how a task is handed over; what else runs may read its standard input from a person.
    const task = options.agent === undefined ? undefined : told.task;
    const agent = said && { ...said, prompt: said.prompt ?? task };
    const issue = await readIssueTask(stack, options.issue, wish);
    const argument = named ?? issue?.argument ?? '';
    const request = {
      ...issue,
      ...told,
      argument,
      ...flags,
      request: wish,
      keep: options.keepOnFailure === true,
      ask: askForRoom(context),
    };
    if (options.dryRun) return { preview: toPreview(await previewCreate(stack, request)) };
    await pauseIdleTickets(context);
    const ticket = await createInstance(stack, request);
    const { observeMade } = await import('../orchestrator/check/check.ts');
    const made = await observeMade(stack, ticket, { wires: request.extent === 'ready' });
    context.emit({ type: 'info', text: tellNext(context, request.extent, made.instances[0]) });
    const begun =
      agent && (await runIn(context, { ...agent, ticket, options: { ...options, run: undefined, start: false } }));
    return { made, ...(begun && { begun }) };
  },
  async render(result, view) {
    if (!('made' in result)) return renderPreview(result.preview, view);
    const { made, begun } = result;
    if (!begun) return renderInstances(made, view);
    return begun.text === '' ? '' : `${await renderInstances(made, view)}\n${begun.text}`;
  },
  toJson(result) {
    if (!('made' in result)) return result.preview;
    const { made, begun } = result;
    if (!begun) return made.instances[0];
    // What an agent prints here is the answer.
    return begun.view && { ...made.instances[0], runs: [begun.view] };
  },
  exitCode: (result) => ('made' in result ? (result.begun?.exitCode ?? 0) : 0),
};

/** What is wrong about an agent is said before anything is made. Throws `usage`, and what `requireAgent` throws. */
async function readAgent(context: Context, options: Options, command: readonly string[]) {
  if (!options.run && command.length === 0 && !RUN_OPTIONS.some((name) => options[name] !== undefined))
    return undefined;
  if (!options.run)
    throw new StackError('usage', 'an agent is started by `--run` alone', {
      hint: 'stack create feat-01 --run -d -- my-agent',
    });
  const how = requireWhat('create TICKET --run', command, { ...options, run: undefined });
  if (how && 'agent' in how) {
    const { requireAgent } = await import('../orchestrator/runs/preset.ts');
    await requireAgent(how.agent, await context.stack());
  }
  const { requireAgentRoom } = await import('../orchestrator/runs/start.ts');
  await requireAgentRoom(await context.stack());
  return { command, prompt: await readPrompt(context, options) };
}

async function readIssueTask(
  stack: Stack,
  issue: string | undefined,
  request: RepoRequest,
): Promise<IssueTask | undefined> {
  if (issue === undefined) return undefined;
  const { readIssue } = await import('../orchestrator/prepare/issue.ts');
  return readIssue(stack, issue, request);
}

/** Says how long it took, from the start of this process, and how one goes on. */
function tellNext({ host }: Context, extent: Extent, made: InstanceView | undefined): string {
  const ticket = made?.ticket ?? '';
  const folder = made?.folder ?? '';
  const go = `cd ${quoteForShell(host.isElsewhere ? folder : path.relative(host.cwd, folder) || '.')}`;
  const is = { files: 'made', started: 'started', ready: 'ready' }[extent];
  // Other verbs find the stack from its folders alone.
  const or = host.isElsewhere ? '' : `, or \`stack ${extent === 'files' ? 'start' : 'logs -f'} ${ticket}\``;
  return `${ticket} is ${is}, after ${formatDuration(performance.now())}. Next: \`${go}\`${or}`;
}

/** Returns what the flags say as the engine takes it. */
export function readCreateFlags({ options, from, on }: Pick<VerbInput<CreateFlags>, 'options' | 'from' | 'on'>) {
  const extent = !options.start ? 'files' : options.wait ? 'ready' : 'started';
  const own = { own: listValues(options.own), migrate: options.migrate === true };
  return { request: { from, on, with: listValues(options.with) }, ...own, extent, skipSetup: !options.setup } as const;
}

/** Returns the steps of a ticket that is not made yet as data. */
export function toPreview({ record, steps }: { record: InstanceRecord; steps: [Step, StepState][] }): Preview {
  const planned = steps.map(([{ id, subject, title }, found]) => ({
    ...{ id: stepName(id), subject, title },
    ...(typeof found === 'string' ? { state: found } : { state: 'different' as const, reason: found.different }),
  }));
  return { ticket: record.ticket, steps: planned };
}

/** Returns them as text. */
export function renderPreview({ ticket, steps }: Preview, { columns }: Pick<RenderOptions, 'columns'>): string {
  const todo = steps.filter((step) => step.state !== 'present');
  const lines = numberSteps(
    todo.map(({ subject, title, reason }) => [subject, titleWithReason(title, reason)]),
    columns,
  );
  return [`${ticket} would be created:`, ...lines].join('\n');
}
