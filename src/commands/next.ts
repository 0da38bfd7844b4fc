import { StackError } from '../domain/errors.ts';
import type { RunView } from '../domain/runs/run.ts';
import type { Verb } from './common/verb.ts';

export const next: Verb<object, { run: RunView; exitCode: number; text: string }> = {
  name: 'next',
  summary: 'go to the agent that has waited longest for you',
  args: '',
  flags: [],
  examples: ['stack next', 'stack next --json'],
  completes: {},
  async run(context) {
    const [{ findLongestWaiting }, stack] = await Promise.all([
      import('../orchestrator/runs/pick.ts'),
      context.stack(),
    ]);
    const live = await findLongestWaiting(stack);
    if (!live) throw new StackError('not-found', 'no agent waits', { hint: '`stack runs` shows what each does' });
    const { view: run, pane } = live;
    const { stdin, stdout } = context.host;
    if (pane && stdin.isTTY && stdout.isTTY && !context.options.json) {
      const { attachRun } = await import('../orchestrator/runs/talk.ts');
      await context.endNarration();
      return { run, text: '', exitCode: await attachRun(stack, live) };
    }
    const where = pane ? `\`stack attach ${run.ticket} --run ${run.id}\`` : live.run.cwd;
    const asks = run.text === null ? '' : `: ${run.text}`;
    return { run, text: `${run.name} in ${run.ticket} is ${run.state}${asks}\n${where}`, exitCode: 0 };
  },
  render: ({ text }) => text,
  toJson: ({ run }) => ({ runs: [run] }),
  exitCode: ({ exitCode }) => exitCode,
};
