import { ifAnswered } from '../domain/errors.ts';
import type { Finding, Repair } from '../orchestrator/doctor/finding.ts';
import { createStyle } from '../ui/style.ts';
import { wrapBehind } from '../ui/wrap.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  fix?: boolean;
}

/** `mended`: what `--fix` was told to do, and what came of it; the findings are how things are after that. */
interface Result {
  ok: boolean;
  findings: Finding[];
  mended?: Repair[];
}

export const doctor: Verb<Options, Result> = {
  name: 'doctor',
  summary: 'check git, engine, config and state against the real world',
  args: '',
  flags: [
    ['--fix', 'repair what can be repaired: lost records, things that belong to no ticket, leftovers; asks about each'],
  ],
  examples: ['stack doctor', 'stack doctor --fix', 'stack doctor --json'],
  completes: {},
  async run(context, { options }) {
    const { examine } = await import('../orchestrator/doctor/doctor.ts');
    const place = await context.findPlace();
    const surroundings = { env: context.host.env, cwd: context.host.cwd };
    const look = () => examine(place ? () => context.stack() : undefined, surroundings);
    if (!options.fix) return judge(await look());
    // Without a state that can be opened there are other findings.
    const stack = place && (await ifAnswered(() => context.stack()));
    await stack?.store.requireBelieved();
    const { repairAll } = await import('../orchestrator/doctor/finding.ts');
    const { findings, mended } = await repairAll(look, context.ask, (text) => context.emit({ type: 'info', text }));
    return { ...judge(findings), mended };
  },
  render({ findings, mended = [] }, { color, columns }) {
    const style = createStyle(color);
    const width = Math.max(...[...findings, ...mended].map(({ subject }) => subject.length)) + 6;
    const line = (mark: string, subject: string, text: string): string =>
      wrapBehind(`${mark}  ${subject}`, width, text, columns);
    const mark = (ok: boolean): string => (ok ? style.good('ok') : style.bad('--'));
    const done = mended.map(({ ok, subject, text }) => line(mark(ok), subject, text));
    const lines = findings.flatMap(({ ok, subject, text, hint }) => [
      line(mark(ok), subject, text),
      ...(hint === undefined ? [] : [wrapBehind('', width, hint, columns)]),
    ]);
    return [...(done.length > 0 ? ['repaired:', ...done, 'now:'] : []), ...lines].join('\n');
  },
  toJson: ({ findings, ...result }) => ({
    ...result,
    findings: findings.map(({ fix, ...finding }) => ({ ...finding, ...(fix && { fix: fix.question }) })),
  }),
  exitCode: ({ ok }) => (ok ? 0 : 1),
};

function judge(findings: Finding[]): Result {
  return { ok: findings.every((finding) => finding.ok), findings };
}
