import { pause } from '../../adapters/pause.ts';
import { watchReader } from '../../adapters/process/reader.ts';
import type { Context } from '../../context.ts';
import { tolerate } from '../../domain/errors.ts';
import { escapeJson } from '../../domain/json.ts';
import type { RenderOptions } from './verb.ts';

/** From the end of one look to the begin of the next. */
const LOOK_MS = 1500;

/**
 * Shows something again whenever it has changed, until Ctrl-C: in place on a terminal, else one answer below the other, and with
 * `--json` as a document a line. Throws what `look` throws.
 */
export async function watch<Result extends object>(
  context: Context,
  look: () => Promise<Result>,
  render: (result: Result, view: RenderOptions) => Promise<string>,
): Promise<void> {
  const { host, options, signal, color } = context;
  const { stdout } = host;
  const show = await createShow(context);
  let shown: string | undefined;
  // `stack conflicts --watch | head -1`: nothing may be written for hours.
  const unwatch = watchReader(stdout, () =>
    stdout.emit('error', Object.assign(new Error('closed'), { code: 'EPIPE' })),
  );
  try {
    while (!signal.aborted) {
      const result = await tolerate(look(), 'interrupted');
      if (result === undefined) return;
      const columns = (stdout.isTTY && stdout.columns) || undefined;
      const text = options.json ? escapeJson(JSON.stringify(result)) : await render(result, { color, columns });
      if (text !== shown) show(text);
      shown = text;
      await pause(LOOK_MS, signal);
    }
  } finally {
    unwatch();
  }
}

async function createShow({ host: { stdout }, options }: Context): Promise<(text: string) => void> {
  if (options.json) return (text) => stdout.write(`${text}\n`);
  if (!stdout.isTTY) return (text) => stdout.write(`${text}\n\n`);
  const { createLiveArea } = await import('../../ui/live.ts');
  const area = createLiveArea(stdout);
  return (text) => area.draw(text.split('\n'));
}
