import { StackError } from '../domain/errors.ts';
import type { Stack } from '../orchestrator/core/stack.ts';
import { findFolder, type TicketFolder } from './common/ticket-folder.ts';
import type { Verb } from './common/verb.ts';

/** `workspace` is what is opened in place of the folder. */
type Result = TicketFolder & { editor: string; workspace?: string };

export const code: Verb<object, Result> = {
  name: 'code',
  summary: 'open the folder of a ticket, or its worktree of a repo, in your editor',
  args: '[ticket] [repo]',
  flags: [],
  jsonHelp: 'print one JSON document; open nothing',
  examples: ['stack code feat-02', 'stack code feat-02 api', 'EDITOR=zed stack code feat-02'],
  completes: { tickets: true, repos: true },
  async run(context, { args }) {
    const [{ findEditor, openEditor }, folder, stack] = await Promise.all([
      import('../adapters/editor.ts'),
      findFolder(context, args),
      context.stack(),
    ]);
    const { configIfReadable } = await import('../orchestrator/core/stack.ts');
    const wished = (await configIfReadable(stack))?.editor;
    const { stdin, stdout } = context.host;
    const inTerminal = stdin.isTTY === true && stdout.isTTY === true;
    const editor = wished ?? (await findEditor(stack.env, inTerminal));
    if (editor === undefined) {
      throw new StackError('usage', 'no editor is known', {
        hint: 'set VISUAL or EDITOR, or `editor:` in stack.local.yml',
      });
    }
    const result = { ...folder, editor };
    if (context.options.json) return result;
    if (wished !== undefined) await stack.requireTrust();
    const workspace = await findWorkspace(stack, folder, editor);
    await openEditor(editor, { folder: folder.path, file: workspace }, context.host.env);
    return { ...result, ...(workspace && { workspace }) };
  },
  render: () => '',
};

/** Returns the workspace of a ticket that an editor opens; undefined for a repo's folder, and an editor that knows none. */
async function findWorkspace(
  stack: Stack,
  { ticket, path }: TicketFolder,
  editor: string,
): Promise<string | undefined> {
  const { opensWorkspaces } = await import('../domain/workspace-file.ts');
  const record = (await stack.store.read()).instances[ticket];
  if (record?.folder !== path || !opensWorkspaces(editor)) return undefined;
  const { writeWorkspace } = await import('../orchestrator/runs/brief/workspace.ts');
  return writeWorkspace(record);
}
