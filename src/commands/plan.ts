import path from 'node:path';
import type { Context } from '../context.ts';
import { EXIT_CODES, StackError } from '../domain/errors.ts';
import { renderFinding } from '../domain/plans/findings.ts';
import type { PlanState } from '../domain/plans/plan.ts';
import type { Stack } from '../orchestrator/core/stack.ts';
import type { CheckedPair, CheckedPlan } from '../orchestrator/plans/check.ts';
import type { PlanTicketView, PlanView } from '../orchestrator/plans/view.ts';
import { createStyle, type Paint, type Style } from '../ui/style.ts';
import { renderTable } from '../ui/table.ts';
import { wrapText } from '../ui/wrap.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

const ACTIONS = ['check', 'status', 'resume', 'retry', 'stop'] as const;
type Action = (typeof ACTIONS)[number];

interface Options {
  detach?: boolean;
  start: boolean;
  plan?: string;
}

type Result = { checked: CheckedPlan } | (PlanView & { action: Action | undefined; detached: boolean });

export const plan: Verb<Options, Result> = {
  name: 'plan',
  summary: 'work on several tickets in the order that a file says: FILE, check FILE, status, resume, retry, stop',
  args: '[file-or-action] [ticket...]',
  flags: [
    ['-d, --detach', 'FILE, resume, retry: go on in the background'],
    ['--no-start', 'FILE: make tickets without starting their services'],
    ['--plan <name>', 'status, resume, retry, stop: which plan; else the one in which something happened last'],
  ],
  examples: [
    'stack plan tasks.yml',
    'stack plan tasks.yml -d',
    'stack plan check tasks.yml',
    'stack plan status',
    'stack plan resume feat-02',
    'stack plan retry feat-03',
    'stack plan stop',
  ],
  completes: { leads: ACTIONS, files: ['check'], tickets: true, several: true },
  async run(context, { args: [word, ...tickets], options }) {
    const action = word === undefined ? 'status' : ACTIONS.find((one) => one === word);
    refuseStray(word, action, { tickets, options });
    const stack = await context.stack();
    if (action === 'check') return { checked: await check(context, stack, tickets[0] ?? '') };
    const name = await act(context, { word: word ?? 'status', action, tickets, options });
    const { viewPlan } = await import('../orchestrator/plans/view.ts');
    return { action, detached: options.detach === true, ...(await viewPlan(stack, name)) };
  },
  render: (result, view) => ('checked' in result ? renderChecked(result.checked, view) : renderPlan(result, view)),
  toJson: (result) => {
    if ('checked' in result) return result.checked;
    const { action: _, detached: __, ...view } = result;
    return view;
  },
  exitCode: (result) => {
    if ('checked' in result) return 0;
    const { action, detached, going, tickets } = result;
    if (action === 'status' || action === 'stop' || detached || going) return 0;
    if (tickets.some(({ state }) => state === 'failed')) return EXIT_CODES.process;
    return tickets.every(({ state }) => state === 'done' || state === 'merged') ? 0 : EXIT_CODES.conflict;
  },
};

/** What each takes beside its words. */
const TAKES: Record<Action | 'FILE', readonly ('--plan' | '--detach' | '--no-start')[]> = {
  ...{ FILE: ['--detach', '--no-start'], check: [], status: ['--plan'] },
  ...{ resume: ['--plan', '--detach'], retry: ['--plan', '--detach'], stop: ['--plan'] },
};

/** Throws `usage` for what the action does not take. */
function refuseStray(
  word: string | undefined,
  action: Action | undefined,
  { tickets, options }: { tickets: readonly string[]; options: Options },
): void {
  const verb = action ?? 'FILE';
  if (verb === 'check' && tickets.length !== 1)
    throw new StackError('usage', 'check is about one file', { hint: 'stack plan check FILE.yml' });
  if (verb === 'FILE' && tickets.length > 0)
    throw new StackError('usage', `one file at a time, not ${[word, ...tickets].join(', ')}`, {
      hint: 'stack plan FILE.yml',
    });
  if (verb === 'status' && tickets.length > 0)
    throw new StackError('usage', 'status is about all of a plan', { hint: 'stack plan status --plan NAME' });
  const said = { '--plan': options.plan !== undefined, '--detach': options.detach, '--no-start': !options.start };
  const stray = (['--plan', '--detach', '--no-start'] as const).find(
    (flag) => said[flag] && !TAKES[verb].includes(flag),
  );
  if (stray !== undefined)
    throw new StackError('usage', `plan ${verb} takes no ${stray}`, { hint: '`stack plan --help` says what takes it' });
}

async function check({ host }: Context, stack: Stack, file: string): Promise<CheckedPlan> {
  const [{ readPlan }, { checkPlan }] = await Promise.all([
    import('../orchestrator/plans/load.ts'),
    import('../orchestrator/plans/check.ts'),
  ]);
  return checkPlan(stack, (await readPlan(stack, path.resolve(host.cwd, file))).plan);
}

/** Returns the name of the plan. */
async function act(
  context: Context,
  { word, action, tickets, options }: { word: string; action: Action | undefined; tickets: string[]; options: Options },
): Promise<string | undefined> {
  if (word === 'status') return options.plan;
  const engine = await import('../orchestrator/plans/plan.ts');
  const stack = await context.stack();
  if (action === 'stop') return engine.stopPlan(stack, options.plan, tickets);
  const name =
    action === 'resume'
      ? await engine.resumePlan(stack, options.plan, tickets)
      : action === 'retry'
        ? await engine.retryPlan(stack, options.plan, tickets)
        : await begin(context, stack, { word, start: options.start });
  await goOn(context, stack, name, options.detach === true);
  return name;
}

async function begin(
  { host }: Context,
  stack: Stack,
  { word, start }: { word: string; start: boolean },
): Promise<string> {
  const [{ loadPlan }, { beginPlan }] = await Promise.all([
    import('../orchestrator/plans/load.ts'),
    import('../orchestrator/plans/plan.ts'),
  ]);
  const loaded = await loadPlan(stack, path.resolve(host.cwd, word));
  await beginPlan(stack, { ...loaded, start });
  return loaded.name;
}

/** Another command that goes on with it takes what a person has said of a ticket. */
async function goOn(context: Context, stack: Stack, name: string, isDetached: boolean): Promise<void> {
  const [{ isGoing }, { runPlan }, { runInBackground }] = await Promise.all([
    import('../orchestrator/core/plans.ts'),
    import('../orchestrator/plans/run.ts'),
    import('../orchestrator/plans/background.ts'),
  ]);
  if (await isGoing(stack, name)) {
    context.emit({ type: 'info', text: `another command goes on with the plan ${name}` });
    return;
  }
  if (isDetached) return runInBackground(stack, name);
  await runPlan(stack, name);
}

function paintsOf(style: Style): Record<PlanState, Paint> {
  return {
    ...{ blocked: style.dim, running: style.warn, waiting: style.bad, queued: style.warn },
    ...{ done: style.good, merged: style.good, failed: style.bad },
  };
}

function renderPlan({ tickets, plan: name, going }: PlanView, view: RenderOptions): string {
  const style = createStyle(view.color);
  const paints = paintsOf(style);
  const rows = tickets.map(({ ticket, state, stage, attempt, after }) => [
    ...[ticket, { text: state, paint: paints[state] }],
    ...[stage === null ? '-' : `${stage} ${attempt}`, after.length > 0 ? after.join(', ') : '-'],
  ]);
  const told = tickets.flatMap((one) => explain(one, style, view));
  const head = `${name}${going ? '' : ', at rest'}`;
  return [head, renderTable(['Ticket', 'State', 'Stage', 'After'], rows, { ...view, cut: true }), ...told].join('\n');
}

function explain(
  { ticket, state, reason, hint, findings }: PlanTicketView,
  style: Style,
  { columns }: RenderOptions,
): string[] {
  if (reason === null || state === 'merged') return [];
  const mark = state === 'waiting' || state === 'failed' ? style.bad('!') : style.dim('-');
  const text = [`${ticket}: ${reason}`, ...(hint === null ? [] : [hint])].join('; ');
  const found = state === 'waiting' ? findings.map((one) => `    ${wrapText(renderFinding(one), columns, 4)}`) : [];
  return [`${mark} ${wrapText(text, columns, 2)}`, ...found];
}

function renderChecked({ plan: name, pairs }: CheckedPlan, view: RenderOptions): string {
  if (pairs.length === 0) return `${name}: no two tickets are worked on side by side`;
  const style = createStyle(view.color);
  const rows = pairs.map(({ tickets, safe }) => [
    tickets.join(', '),
    safe === null
      ? { text: 'unknown', paint: style.dim }
      : { text: safe ? 'safe' : 'in the way', paint: safe ? style.good : style.bad },
  ]);
  const told = pairs.flatMap((pair) =>
    explainPair(pair).map((text) => `${style.bad('!')} ${wrapText(text, view.columns, 2)}`),
  );
  const isUnknown = pairs.some(({ safe }) => safe === null);
  const hint = isUnknown ? ['`touches:` of a ticket says what it is going to change'] : [];
  return [renderTable(['Side by side', 'They are'], rows, { ...view, cut: true }), ...told, ...hint].join('\n');
}

function explainPair({ tickets, patterns, together }: CheckedPair): string[] {
  const [one, other] = tickets;
  const both = patterns.map(
    ([mine, its]) => `${one} and ${other} touch the same: ${mine === its ? mine : `${mine} and ${its}`}`,
  );
  const usual = Object.entries(together).filter(([, { usual: isUsual }]) => isUsual);
  const told = usual.map(([repo, all]) => {
    const least = Math.min(all.one, all.other);
    return `${one} and ${other} touch what usually changes together: in ${all.both} of ${least} commits of ${repo}`;
  });
  return [...both, ...told];
}
