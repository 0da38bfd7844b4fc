import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { explainFileError } from '../../files/file-errors.ts';
import { type AskOptions, askGit, changeGit, type GitAnswer } from '../git.ts';

/** Asks git something; `input` is what it reads. Returns exit code and words. Throws `git` when git cannot run. */
export type PlainGit = (args: readonly string[], input?: string) => Promise<GitAnswer>;

const SECONDS = 120;

/** No settings and no attributes: those of the machine, of the person and of the caller. */
const NO_SETTINGS = {
  ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_COUNT: undefined },
  ...{ GIT_ATTR_NOSYSTEM: '1', GIT_NO_LAZY_FETCH: '1' },
};

/**
 * Lends `work` a git that knows all commits of a repo and nothing else of it: no settings, attributes, merge drivers,
 * filters or replacements. What it writes is gone afterwards. Throws `git`, `files`.
 */
export async function withPlainGit<Result>(
  cwd: string,
  work: (git: PlainGit) => Promise<Result>,
  how: AskOptions = {},
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
    GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(objects),
    ...(existsSync(shallow) && { GIT_SHALLOW_FILE: shallow }),
  };
  const inputFile = path.join(folder, 'input');
  try {
    return await work(async (args, input) => {
      if (input !== undefined) await writeFile(inputFile, input);
      const options = { deadlineSeconds: SECONDS, env, ...(input !== undefined && { inputFile }) };
      return changeGit(folder, ['--literal-pathspecs', ...args], options);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
