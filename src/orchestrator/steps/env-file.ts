import { lstat, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { isThere, type ReplaceOptions, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { sweepTemporaries } from '../../adapters/files/temporary.ts';
import { isKnownText } from '../../adapters/git/env-text.ts';
import { addExclude, isIgnored, isTracked, removeExclude } from '../../adapters/git/exclude.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { noteEnvText } from '../../adapters/git/worktree/note-written.ts';
import { readNotes } from '../../adapters/git/worktree/own-notes.ts';
import { mergeEnvBlock, readEnvBlock, removeEnvBlock, renderEnvBlock } from '../../domain/env-block.ts';
import { StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, requireDedicated } from '../../domain/instance.ts';
import type { Step, StepState } from '../../domain/step.ts';
import { ownerOf, requireConfig, type Work, wiringOf } from '../core/work.ts';
import { fillEnv } from '../workloads/spec.ts';

/** The env files of one repo: the main checkout's own file, with stack's block of wired values at its end. */
export function envFileStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  return {
    id: { kind: 'env-file', of: repo },
    subject: repo,
    title: `env file ${record.envFiles.join(', ')}`,
    after: [
      { kind: 'worktree', of: repo },
      { kind: 'copy', of: repo },
    ],
    async inspect() {
      const found = await Promise.all(
        record.envFiles.map(async (file): Promise<StepState> => {
          const text = await readFileIfThere(path.join(record.worktree, file));
          if (text === undefined || readEnvBlock(text) === undefined) return 'absent';
          const isAsWanted = text === mergeEnvBlock(text, await renderBlock(work, repo, file));
          return isAsWanted ? 'present' : { different: `changed: values in ${file}` };
        }),
      );
      return found.find((state) => state === 'absent') ?? found.find((state) => state !== 'present') ?? 'present';
    },
    async apply({ signal }) {
      for (const file of record.envFiles) await writeEnvFile(work, repo, file, signal);
    },
    async revert() {
      // What was saved is compared once more before it goes.
      const files = work.saved && !record.adopted ? [] : record.envFiles;
      for (const file of files) {
        if (record.adopted) await removeKnown(record, file);
        await clearEnvFile(work, record, file);
      }
      await showEnvFiles(work, repo);
    },
  };
}

/** Takes back what hides a repo's env files from git, except for those that are still there: they would look like work. */
export async function showEnvFiles(work: Work, repo: string): Promise<void> {
  const { worktree, gitCommonDir, envFiles, adopted } = requireDedicated(work.record, repo);
  for (const file of envFiles) {
    if (!adopted && (await isThere(path.join(worktree, file)))) continue;
    await removeExclude(gitCommonDir, `/${file}`, ownerOf(work));
  }
}

async function writeEnvFile(work: Work, repo: string, file: string, signal: AbortSignal): Promise<void> {
  const own = requireDedicated(work.record, repo);
  const { path: checkout, worktree, gitCommonDir } = own;
  const target = path.join(worktree, file);
  if (own.adopted) await refuseLink(target, repo);
  const there = await readFileIfThere(target);
  const [tracked, ignored] = await Promise.all([
    there !== undefined && isTracked(worktree, file),
    isIgnored(worktree, file),
  ]);
  if (tracked) {
    throw new StackError('config', `${repo} keeps ${file} in git, so stack cannot write to it`, {
      hint: `name another file as \`env_file:\` of ${repo} in stack.yml, one that git ignores`,
    });
  }
  const start = there ?? (await readFileIfThere(path.join(checkout, file), { pipe: true, signal })) ?? '';
  if (!ignored) await addExclude(gitCommonDir, `/${file}`, ownerOf(work));
  await mkdir(path.dirname(target), { recursive: true });
  const text = mergeEnvBlock(start, await renderBlock(work, repo, file));
  await replaceFile(target, text, { lasting: false, ...howToReplace(work, own) });
  // What a person writes around the block from now on is work of theirs.
  if (there === undefined) await noteEnvText(worktree, file, start);
}

/** A link would become a file: what it leads to is not stack's to write, and may be used by others. */
async function refuseLink(target: string, repo: string): Promise<void> {
  if (!(await ifThere(lstat(target)))?.isSymbolicLink()) return;
  throw new StackError('conflict', `${target} is a link, so stack cannot write its block into it`, {
    hint: `put a file there instead, or name another file as \`env_file:\` of ${repo} in stack.yml`,
  });
}

/**
 * A worktree that stack made is written by way of the ticket's folder: should the write be killed, what it leaves is not taken for
 * somebody's work. One that is adopted may lie on another file system, and a person's file keeps its mode.
 */
function howToReplace({ record }: Work, { adopted }: DedicatedRepo): ReplaceOptions {
  return adopted ? { keepsMode: true } : { via: record.folder };
}

/** Of a worktree that stays the file goes where it is as stack made it. */
async function removeKnown({ worktree, path: repoPath }: DedicatedRepo, file: string): Promise<void> {
  const entry = await readOwnEntry(worktree);
  const noted = entry && (await readNotes(entry.folder)).envTexts[file];
  const target = path.join(worktree, file);
  if (noted === undefined || !(await ifThere(lstat(target)))?.isFile()) return;
  if (await isKnownText({ worktree, repoPath, file, noted })) await rm(target, { force: true });
}

/** In the worktree the file goes with it; only a worktree that stays behind (moved, or kept) gets its own text back. */
async function clearEnvFile(work: Work, own: DedicatedRepo, name: string): Promise<void> {
  const file = path.join(own.worktree, name);
  if (own.adopted) await sweepTemporaries(path.dirname(file));
  // A folder, or a pipe that a password manager put there, is not what stack wrote.
  if (!(await ifThere(lstat(file)))?.isFile()) return;
  const text = (await readFileIfThere(file)) ?? '';
  if (readEnvBlock(text) === undefined) return;
  const rest = removeEnvBlock(text);
  if (rest === '') await rm(file, { force: true });
  else await replaceFile(file, rest, howToReplace(work, own));
}

async function renderBlock(work: Work, repo: string, file: string): Promise<string> {
  return renderEnvBlock(await fillBlock(work, repo, file));
}

/**
 * Returns the values of stack's block in an env file. One file may serve several services of a folder: the first that names a
 * variable has the say.
 */
export async function fillBlock(work: Work, repo: string, file: string): Promise<Record<string, string>> {
  const wiring = await wiringOf(work);
  const config = await requireConfig(work);
  const values: Record<string, string> = {};
  for (const [name, own] of Object.entries(work.record.services)) {
    const settings = config.services[name];
    if (own.repo !== repo || !settings || path.join(settings.dir, config.repos[repo]?.envFile ?? '') !== file) continue;
    for (const [key, value] of Object.entries(fillEnv(wiring, name, settings))) values[key] ??= value;
  }
  return values;
}
