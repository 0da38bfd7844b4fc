import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bytesOf } from '../../files/byte-names.ts';
import { explainFileError } from '../../files/file-errors.ts';
import { type AskOptions, askGit, changeGit, type GitAnswer } from '../git.ts';

/** Asks git something; `input` is what it reads. Returns exit code and words. Throws `git` when git cannot run. */
export type PlainGit = (args: readonly string[], input?: string, more?: PlainPlace) => Promise<GitAnswer>;

/** Where else a plain git is to work than in its own empty folder. */
interface PlainPlace {
  /** A checkout: its files are read, and its `.gitattributes` count. */
  workTree?: string | undefined;
  /** An index that is written; it need not be there. */
  index?: string | undefined;
  /** What git reads, in the place of a text. */
  inputFile?: string | undefined;
  /** Who commits, and when. */
  env?: Record<string, string | undefined>;
}

export interface PlainOptions extends AskOptions {
  /** True: what it writes stays, as objects of the repo that nothing leads to yet. */
  keep?: boolean;
  /** Lines of gitattributes(5). No driver and no filter that they name is there, so none runs. */
  attributes?: string;
}

const SECONDS = 120;

/** No settings and no attributes: those of the machine, of the person and of the caller. */
const NO_SETTINGS = {
  ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_COUNT: undefined },
  ...{ GIT_ATTR_NOSYSTEM: '1', GIT_NO_LAZY_FETCH: '1' },
};

/**
 * Lends `work` a git that knows all commits of a repo and nothing else of it: no settings, attributes, merge drivers,
 * filters or replacements. What it writes is gone afterwards, unless told otherwise. Throws `git`, `files`.
 */
export async function withPlainGit<Result>(
  cwd: string,
  work: (git: PlainGit, folder: string) => Promise<Result>,
  { keep = false, attributes, ...how }: PlainOptions = {},
): Promise<Result> {
  const paths = ['--path-format=absolute', '--git-path', 'objects', '--git-path', 'shallow'];
  const [objects = '', shallow = '', format = ''] = (
    await askGit(cwd, ['rev-parse', ...paths, '--show-object-format'], how)
  ).split('\n');
  const folder = await makeGitDir(format);
  const env = {
    ...NO_SETTINGS,
    GIT_DIR: folder,
    // Git takes a quoted path as C has it, so that `:` in a folder's name divides nothing.
    ...(keep ? { GIT_OBJECT_DIRECTORY: objects } : { GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(objects) }),
    ...(existsSync(shallow) && { GIT_SHALLOW_FILE: shallow }),
  };
  let inputs = 0;
  try {
    if (attributes !== undefined) await writeAttributes(folder, attributes);
    const git: PlainGit = async (args, input, { workTree, index, inputFile: given, env: more } = {}) => {
      const inputFile = input === undefined ? given : path.join(folder, `input-${inputs++}`);
      if (input !== undefined && inputFile !== undefined) await writeFile(inputFile, bytesOf(input));
      const place = { ...(workTree && { GIT_WORK_TREE: workTree }), ...(index && { GIT_INDEX_FILE: index }) };
      const wanted = { env: { ...env, ...place, ...more }, inputFile, signal: how.signal };
      const options = { deadlineSeconds: SECONDS, harmless: true, ...wanted };
      return changeGit(workTree ?? folder, ['--literal-pathspecs', ...args], options);
    };
    return await work(git, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeAttributes(folder: string, text: string): Promise<void> {
  await mkdir(path.join(folder, 'info'));
  await writeFile(path.join(folder, 'info', 'attributes'), bytesOf(text));
}

/** What makes a folder a bare repo (gitrepository-layout(5)); `git init` would take a template along. */
async function makeGitDir(format: string): Promise<string> {
  const extension = format === 'sha1' ? '' : `[extensions]\n\tobjectFormat = ${format}\n`;
  const config = `[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n\tattributesFile = /dev/null\n${extension}`;
  try {
    const folder = await mkdtemp(path.join(tmpdir(), 'stack-git-'));
    await Promise.all(['objects', 'refs'].map((name) => mkdir(path.join(folder, name))));
    await writeFile(path.join(folder, 'HEAD'), 'ref: refs/heads/none\n');
    await writeFile(path.join(folder, 'config'), config);
    return folder;
  } catch (error) {
    throw explainFileError(error, `compare commits in ${tmpdir()}`);
  }
}
