import path from 'node:path';
import { dedicatedRepos, type InstanceRecord } from './instance.ts';
import { shortHash } from './names.ts';

/** How the names of such files end. */
export const WORKSPACE_ENDING = '.code-workspace';

/** Programs that open such files, by their names. */
const OPENERS = ['code', 'code-insiders', 'codium', 'vscodium', 'cursor', 'windsurf'];

/** True for the command of an editor that knows such files: a shell line, as git takes it. */
export function opensWorkspaces(command: string): boolean {
  return OPENERS.includes(path.basename(command.trim().split(/\s/)[0] ?? ''));
}

/** Returns the path of a ticket's, in its folder. */
export function workspaceFileOf({ folder, ticket }: Pick<InstanceRecord, 'folder' | 'ticket'>): string {
  return path.join(folder, `${ticket}${WORKSPACE_ENDING}`);
}

/** Returns a workspace of VS Code with a ticket's repos, and tasks for its logs, its check and its diff. */
export function renderWorkspace(record: Pick<InstanceRecord, 'folder' | 'ticket' | 'repos'>): string {
  const { folder, ticket } = record;
  const folders = dedicatedRepos(record).map(([name, { worktree }]) => ({
    name,
    path: path.relative(folder, worktree),
  }));
  const task = (name: string, args: string[], more: object = {}): object => ({
    ...{ label: `stack: ${name}`, type: 'shell', command: 'stack', args },
    ...{ options: { cwd: folder }, problemMatcher: [], ...more },
  });
  const tasks = [
    task('logs', ['logs', '-f', ticket], { isBackground: true }),
    task('check', ['check', ticket]),
    task('diff', ['diff', ticket]),
  ];
  const text = `${JSON.stringify({ folders, tasks: { version: '2.0.0', tasks } }, undefined, 2)}\n`;
  return `${signatureOf(text)}\n${text}`;
}

/** True for a text that stack wrote and nobody has changed since. */
export function isOwnWorkspace(text: string): boolean {
  const [first = '', ...rest] = text.split('\n');
  return first === signatureOf(rest.join('\n'));
}

function signatureOf(text: string): string {
  return `// stack keeps this file up to date until somebody changes it (${shortHash(text)})`;
}
