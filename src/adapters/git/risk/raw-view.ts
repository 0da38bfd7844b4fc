import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readWhole } from '../../files/read-file.ts';

/** Where a repo keeps what it has. */
export interface GitFolders {
  /** Its HEAD and its index. */
  gitDir: string;
  /** Its objects and its refs. */
  commonDir: string;
}

/** Files are what they are on the disk: no line ends are changed, and no filter runs. */
const RAW = '* -text -filter -ident !working-tree-encoding\n';
/** The same but for line ends and keywords: nothing that runs a program, or can fail. */
export const NO_FILTERS = '* -filter !working-tree-encoding\n';
/** Nothing of these may run programs: neither what the repo's own settings name nor what the person's do. */
const SETTINGS = ['bare = false', 'fsmonitor = false', 'hooksPath = /dev/null', 'untrackedCache = false'];

/**
 * Works with a git folder of our own that borrows another's objects, refs and index. Git sees files in it byte for byte, and
 * neither settings, attributes nor hooks of the other repo, which may be anybody's, count. The folder is gone afterwards.
 * Throws what the disk says.
 */
export async function withRawView<T>(of: GitFolders, work: (view: string) => Promise<T>, attributes = RAW): Promise<T> {
  const view = await mkdtemp(path.join(tmpdir(), 'stack-git-'));
  try {
    await fillView(view, of, attributes);
    return await work(view);
  } finally {
    await rm(view, { recursive: true, force: true });
  }
}

async function fillView(view: string, { gitDir, commonDir }: GitFolders, attributes: string): Promise<void> {
  const [head, config, names] = await Promise.all([
    readWhole(path.join(gitDir, 'HEAD')),
    readWhole(path.join(commonDir, 'config')).then(
      (bytes) => bytes.toString('latin1'),
      () => '',
    ),
    readdir(gitDir),
  ]);
  await mkdir(path.join(view, 'info'));
  const shared = ['objects', 'refs', 'packed-refs', 'reftable', 'logs', 'shallow', 'info/exclude'];
  const own = names.filter((name) => name === 'index' || name.startsWith('sharedindex.'));
  await Promise.all([
    writeFile(path.join(view, 'HEAD'), head),
    writeFile(path.join(view, 'config'), renderConfig(config)),
    writeFile(path.join(view, 'info', 'attributes'), attributes),
    ...shared.map((name) => symlink(path.join(commonDir, name), path.join(view, name))),
    ...own.map((name) => symlink(path.join(gitDir, name), path.join(view, name))),
  ]);
}

/** Of the other's settings only the formats of its objects and refs are needed. */
function renderConfig(other: string): string {
  const formats = [...other.matchAll(/^\s*(objectformat|refstorage)\s*=\s*(\w+)\s*$/gim)];
  const core = [`repositoryformatversion = ${formats.length > 0 ? 1 : 0}`, ...SETTINGS];
  return [
    '[core]',
    ...core.map((line) => `\t${line}`),
    '[extensions]',
    ...formats.map(([, name, value]) => `\t${name} = ${value}`),
    '',
  ].join('\n');
}
