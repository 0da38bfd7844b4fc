import type { Trust } from '../adapters/trust-store.ts';
import type { TrustMatter } from '../engine/trust.ts';
import { renderTable } from '../ui/table.ts';
import type { Verb } from './verb.ts';

interface Options {
  list?: boolean;
  revoke?: boolean;
}

type Result =
  | { trusted: Trust[] }
  | { root: string; revoked: true }
  | { root: string; files: string[]; commands: string[]; trusted: boolean };

export const trust: Verb<Options, Result> = {
  name: 'trust',
  summary: 'show what a stack.yml that came with git would run, and trust it',
  args: '',
  flags: [
    ['--list', 'show what is trusted; trust nothing'],
    ['--revoke', 'ask again before anything of this root runs'],
  ],
  examples: ['stack trust', 'stack trust --list', 'stack trust --revoke'],
  completes: {},
  async run(context, { options }) {
    const { openTrustStore } = await import('../adapters/trust-store.ts');
    const store = openTrustStore(context.host.env);
    if (options.list) return { trusted: await store.list() };
    const { root } = await context.stack();
    if (options.revoke) {
      await store.revoke(root);
      return { root, revoked: true };
    }
    const { readTrustMatter, rememberTrust } = await import('../engine/trust.ts');
    const matter: TrustMatter | undefined = await readTrustMatter(root);
    if (matter) await rememberTrust(root, store, matter);
    return { root, files: matter?.files ?? [], commands: matter?.commands ?? [], trusted: matter !== undefined };
  },
  render(result, view) {
    if ('revoked' in result) return `what was trusted in ${result.root} is forgotten`;
    if (!('root' in result)) return renderList(result.trusted, view);
    if (!result.trusted) return 'nothing to trust: stack.yml did not come with git';
    return [
      `trusted in ${result.root}, as ${result.files.join(', ')} ${result.files.length > 1 ? 'stand' : 'stands'} now:`,
      ...result.commands.map((line) => `  ${line}`),
    ].join('\n');
  },
};

function renderList(trusted: readonly Trust[], view: Parameters<typeof renderTable>[2]): string {
  if (trusted.length === 0) return 'nothing is trusted yet';
  const rows = trusted.map(({ root, hash, at }) => [root, at.slice(0, 16).replace('T', ' '), hash.slice(0, 12)]);
  return renderTable(['Root', 'Since', 'Content'], rows, view);
}
