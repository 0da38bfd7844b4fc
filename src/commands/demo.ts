import type { Context } from '../context.ts';
import type { DemoResult, DemoVoice } from '../orchestrator/demo/demo.ts';
import { formatDuration } from '../ui/duration.ts';
import { createStyle } from '../ui/style.ts';
import { renderInstances } from './common/instance-table.ts';
import type { Verb } from './common/verb.ts';

/** What the demo says and runs stands this far from its headings. */
const INDENT = 3;

export const demo: Verb<{ keep?: boolean }, DemoResult> = {
  name: 'demo',
  summary: 'show the whole thing on two little repos in a temporary folder',
  args: '',
  flags: [['--keep', 'leave it running, and say how to go on']],
  examples: ['stack demo', 'stack demo --keep', 'stack demo --runtime process'],
  completes: {},
  async run(context, { options }) {
    const { runDemo } = await import('../orchestrator/demo/demo.ts');
    const { packageRoot, signal, host } = context;
    const { runtime } = context.options;
    const voice = await createVoice(context);
    const { stderr } = host;
    const width = stderr.isTTY && stderr.columns ? { STACK_COLUMNS: String(stderr.columns - INDENT) } : {};
    return runDemo({
      packageRoot,
      env: { ...host.env, ...width },
      runtime,
      keep: options.keep === true,
      signal,
      voice,
    });
  },
  async render({ view, proof, pages, kept, root }, options) {
    const [{ renderTable }, { wrapText }] = await Promise.all([import('../ui/table.ts'), import('../ui/wrap.ts')]);
    const style = createStyle(options.color);
    const answers = proof.map(({ asked, answer }) => [asked, answer]);
    const shown = pages.map(({ ticket, url, title }) => [ticket, url, title]);
    const next = kept
      ? [
          `It goes on running. Open the pages, then: cd ${root} && stack ps`,
          'To end it: stack destroy feat-01 feat-02 && stack down --volumes',
        ]
      : [
          'Everything is gone again. `stack demo --keep` leaves it running; in your own folder begin with `stack init`.',
        ];
    return [
      await renderInstances(view, options),
      renderTable(['Request', 'Answer'], answers, options),
      renderTable(['Page of', 'Url', 'Title'], shown, options),
      ...next.map((line) => style.dim(wrapText(line, options.columns, 0))),
    ].join('\n\n');
  },
};

async function createVoice(context: Context): Promise<DemoVoice> {
  const [{ Writable }, { wrapText }] = await Promise.all([import('node:stream'), import('../ui/wrap.ts')]);
  const { stderr } = context.host;
  const indented = (text: string): string =>
    ' '.repeat(INDENT) + wrapText(text, (stderr.isTTY && stderr.columns) || undefined, INDENT);
  const style = createStyle(context.errorColor);
  const silent = context.options.json || context.options.quiet;
  const say = (text: string): void => {
    if (!silent) stderr.write(`${text}\n`);
  };
  let number = 0;
  return {
    explain(title, lines) {
      number += 1;
      say(`\n${style.strong(`${number}. ${title}`)}`);
      for (const line of lines) say(indented(line));
    },
    note: (line) => say(`\n${indented(`${style.warn('!')} ${line}`)}`),
    command: (line) => say(`\n   $ ${line}`),
    took: (ms) => say(style.dim(`   (${formatDuration(ms)})`)),
    output: new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (!silent) stderr.write(chunk.toString().replaceAll(/^(?=.)/gm, ' '.repeat(INDENT)));
        done();
      },
    }),
  };
}
