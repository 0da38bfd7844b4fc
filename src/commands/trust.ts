import path from 'node:path';
import type { Stranger } from '../adapters/files/ownership.ts';
import type { Trust, TrustStore } from '../adapters/trust-store.ts';
import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import type { Stack } from '../orchestrator/core/stack.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

interface Options {
  list?: boolean;
  revoke?: boolean;
  owner?: boolean;
}

type Result =
  | { trusted: Trust[] }
  | { root: string; revoked: true }
  | { root: string; owned: Stranger[] }
  | { root: string; files: string[]; commands: string[]; trusted: boolean };

export const trust: Verb<Options, Result> = {
  name: 'trust',
  summary: 'show what a stack.yml that came with git would run, and trust it',
  args: '',
  flags: [
    ['--list', 'show what is trusted; trust nothing'],
    ['--owner', 'obey files here that belong to another person'],
    ['--revoke', 'ask again before anything of this root runs'],
  ],
  examples: ['stack trust', 'stack trust --list', 'stack trust --owner', 'stack trust --revoke'],
  completes: {},
  async run(context, { options }) {
    const { openTrustStore } = await import('../adapters/trust-store.ts');
    const store = openTrustStore(context.host.env);
    if (options.list) return { trusted: await store.list() };
    if (options.owner) return trustOwner(context, store);
    const stack = await context.stack();
    const { root } = stack;
    if (options.revoke) {
      const { pointer } = await context.place();
      await store.revoke(root);
      if (pointer !== undefined) await store.revoke(path.dirname(pointer));
      return { root, revoked: true };
    }
    const { readStateMatter, readTrustMatter, rememberTrust } = await import('../orchestrator/trust.ts');
    const found = await Promise.all([readTrustMatter(stack), readStateMatter(root)]);
    const matters = found.filter((matter) => matter !== undefined);
    for (const matter of matters) await rememberTrust(root, store, matter);
    const [files, commands] = [matters.flatMap((one) => one.files), matters.flatMap((one) => one.commands)];
    return { root, files, commands, trusted: matters.length > 0 };
  },
  render(result, view) {
    if ('revoked' in result) return `what was trusted in ${result.root} is forgotten`;
    if (!('root' in result)) return renderList(result.trusted, view);
    if ('owned' in result) return renderOwned(result);
    if (!result.trusted) return 'nothing to trust: stack.yml did not come with git';
    return [
      `trusted in ${result.root}, as ${result.files.join(', ')} ${result.files.length > 1 ? 'stand' : 'stands'} now:`,
      ...result.commands.map((line) => `  ${line}`),
    ].join('\n');
  },
};

async function trustOwner(context: Context, store: TrustStore): Promise<Result> {
  const { cwd, env } = context.host;
  const [{ requireRoot }, { listStrangers, ownerMark }] = await Promise.all([
    import('../adapters/config-file.ts'),
    import('../adapters/files/ownership.ts'),
  ]);
  const place = await requireRoot(cwd);
  const at = new Date().toISOString();
  const allow = async (strangers: Stranger[]): Promise<Stranger[]> => {
    for (const { folder, uid } of strangers) await store.add({ root: folder, hash: ownerMark(uid), at });
    return strangers;
  };
  const owned = await allow(await listStrangers(place, env));
  return { root: place.root, owned: [...owned, ...(await allow(await listComposeStrangers(await context.stack())))] };
}

/** What the compose file leads to is known once stack.yml may be read. */
async function listComposeStrangers(stack: Stack): Promise<Stranger[]> {
  const { findComposeFile } = await import('../orchestrator/shared/ports.ts');
  const read = async (): Promise<Stranger[]> => {
    await stack.readCompose(await findComposeFile(stack, await stack.config()));
    return [];
  };
  return read().catch((error: unknown) => {
    if (!(error instanceof StackError)) throw error;
    return (error.details as { strangers?: Stranger[] } | undefined)?.strangers ?? [];
  });
}

function renderOwned({ root, owned }: { root: string; owned: readonly Stranger[] }): string {
  if (owned.length === 0) return `nothing to allow: ${root} is yours`;
  return [
    'obeyed from now on, whatever their owner writes:',
    ...owned.map(({ file, uid }) => `  ${file} (uid ${uid})`),
  ].join('\n');
}

async function renderList(trusted: readonly Trust[], view: RenderOptions): Promise<string> {
  if (trusted.length === 0) return 'nothing is trusted yet';
  const { renderTable } = await import('../ui/table.ts');
  const rows = trusted.map(({ root, hash, at }) => [root, at.slice(0, 16).replace('T', ' '), hash.slice(0, 12)]);
  return renderTable(['Root', 'Since', 'Content'], rows, view);
}
