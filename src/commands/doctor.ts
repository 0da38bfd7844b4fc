import type { Finding } from '../engine/doctor.ts';
import { createStyle } from '../ui/style.ts';
import type { Verb } from './verb.ts';

interface Result {
  ok: boolean;
  findings: Finding[];
}

export const doctor: Verb<object, Result> = {
  name: 'doctor',
  summary: 'check git, engine, config and state against the real world',
  args: '',
  flags: [],
  examples: ['stack doctor', 'stack doctor --json'],
  completes: {},
  async run(context) {
    const { examine } = await import('../engine/doctor.ts');
    const place = await context.findPlace();
    const findings = await examine(place ? () => context.stack() : undefined, {
      env: context.host.env,
      cwd: context.host.cwd,
    });
    return { ok: findings.every((finding) => finding.ok), findings };
  },
  render({ findings }, { color }) {
    const style = createStyle(color);
    const width = Math.max(...findings.map((finding) => finding.subject.length));
    return findings
      .flatMap(({ ok, subject, text, hint }) => [
        `${ok ? style.good('ok ') : style.bad('-- ')} ${subject.padEnd(width)}  ${text}`,
        ...(hint === undefined ? [] : [`${' '.repeat(width + 6)}${hint}`]),
      ])
      .join('\n');
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
};
