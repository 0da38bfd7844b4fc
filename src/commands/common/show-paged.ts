import type { Context } from '../../context.ts';

/** Returns whether colours go into what git prints: by git's own settings, and never with `NO_COLOR`. */
export async function wantsGitColor({ host, color }: Context): Promise<boolean> {
  if (host.env.NO_COLOR) return false;
  const { wantsColor } = await import('../../adapters/git/pager.ts');
  return wantsColor('diff', host.stdout.isTTY === true && color);
}

/** True where a person sees what is shown: on a terminal. */
export function isShown({ host, options }: Context): boolean {
  return host.stdout.isTTY === true && !options.json;
}

/** Shows what git printed, byte for byte: in git's own pager on a terminal, else on standard output. */
export async function showPaged({ host }: Context, verb: 'diff' | 'log', text: string): Promise<void> {
  if (text === '') return;
  const [{ findPager, showInPager }, { bytesOf }] = await Promise.all([
    import('../../adapters/git/pager.ts'),
    import('../../adapters/files/byte-names.ts'),
  ]);
  const pager = host.stdout.isTTY ? await findPager(verb, host.env) : undefined;
  if (pager !== undefined && (await showInPager(pager, text, host.env))) return;
  host.stdout.write(bytesOf(text));
}
