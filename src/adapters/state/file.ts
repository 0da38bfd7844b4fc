import { existsSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { bestEffort, StackError } from '../../domain/errors.ts';
import type { StackState } from '../../domain/instance.ts';
import { parseFields } from '../../domain/json.ts';
import { stateBackupOf, stateFileOf } from '../../domain/layout.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { explainFileError, ifReadable } from '../files/file-errors.ts';
import { readFileIfThere, replaceFile } from '../files/files.ts';
import { describeKind, readWhole } from '../files/read-file.ts';

/**
 * Why a state cannot be had. `gone`: there is no file, and there are traces of what it told of; `damaged`: it holds nothing
 * that stack has written; `closed`: it may not be read; `newer`: only a newer stack can read it; `moved`: it is another root's.
 */
export interface StateTrouble {
  trouble: 'gone' | 'damaged' | 'closed' | 'newer' | 'moved';
  file: string;
}

/** Returns the trouble that an error tells of; undefined for any other error. */
export function troubleOf(error: unknown): StateTrouble['trouble'] | undefined {
  if (!(error instanceof StackError) || error.code !== 'state') return undefined;
  return (error.details as StateTrouble | undefined)?.trouble;
}

const MEND = '`stack doctor --fix` brings back what can be known; until then nothing is started or removed';

/** A state as it was read. */
export interface StateText {
  state: StackState;
  text: string;
  /** The version of the file that it was written in. */
  version: number;
}

/** Reads a state file; undefined when there is none. Throws `state` (details: `StateTrouble`). */
export async function readStateFile(file: string, root: string): Promise<StateText | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const { readState } = await import('../../domain/state/text.ts');
  const found = readState(text);
  if ('problem' in found) {
    const what = `the state file ${file} ${found.problem}`;
    throw found.newer
      ? stateError(what, { trouble: 'newer', file }, 'upgrade stack to that version')
      : stateError(what, { trouble: 'damaged', file }, MEND);
  }
  if (found.state.root !== root) {
    throw stateError(
      `this folder was moved or copied: its state belongs to ${found.state.root}`,
      { trouble: 'moved', file },
      hintAtHome(found.state.root, path.dirname(file)),
    );
  }
  return { ...found, text };
}

/** Where a folder was moved its state alone tells what still runs: to delete that is a way out for a copy only. */
function hintAtHome(home: string, folder: string): string {
  return existsSync(stateFileOf(home))
    ? `this is a copy: delete ${folder} here, and its tickets, which lead into the repos of ${home}`
    : `move it back; to move it for good, \`stack destroy --force\` its tickets and \`stack down\` there, then delete ${folder} here and \`stack restore\` them`;
}

/** Returns the error for a state file that is not there although it should be. */
export function lostStateError(root: string, traces: readonly string[]): StackError {
  const file = stateFileOf(root);
  return stateError(
    `the state file ${file} is gone, though something is left of ${traces.join(', ')}`,
    { trouble: 'gone', file },
    MEND,
  );
}

/**
 * Writes a state and its backup. The backup comes second: a disk that is full then leaves it as it was. Throws `files`, and
 * an error for a state that could not be read again.
 */
export async function writeStateFile(root: string, state: StackState): Promise<void> {
  const text = `${JSON.stringify(state, null, 2)}\n`;
  const { readState } = await import('../../domain/state/text.ts');
  const check = readState(text);
  if ('problem' in check) throw new Error(`the state would not be readable: it ${check.problem}`);
  await replaceFile(stateFileOf(root), text);
  await bestEffort(replaceFile(stateBackupOf(root), text, { lasting: false }));
}

/** Keeps what an older version wrote for whoever goes back to it. Throws `files`. */
export async function keepOldVersion(root: string, { text, version }: StateText): Promise<void> {
  await replaceFile(`${stateFileOf(root)}.v${version}`, text);
}

/** Moves a file that cannot be read out of the way. Returns where it is then; undefined when there was none. Throws `files`. */
export async function putStateAside(root: string): Promise<string | undefined> {
  const file = stateFileOf(root);
  const aside = `${file}.damaged-${new Date().toISOString().replaceAll(/[-:]/g, '')}`;
  try {
    await rename(file, aside);
    return aside;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw explainFileError(error, `move ${file} out of the way`);
  }
}

/** Returns the name a root's state was made under; undefined when neither it nor its backup can be read. */
export async function readStackName(root: string): Promise<string | undefined> {
  for (const file of [stateFileOf(root), stateBackupOf(root)]) {
    // Of one that cannot be read the state itself tells when it is asked for.
    const { stack } = parseFields<{ stack: unknown }>(await ifReadable(readFileIfThere(file)));
    if (typeof stack === 'string' && stack !== '') return stack;
  }
  return undefined;
}

async function readText(file: string): Promise<string | undefined> {
  try {
    const kind = describeKind(await stat(file));
    if (kind) throw stateError(`the state file ${file} is ${kind}`, { trouble: 'damaged', file }, MEND);
    return (await readWhole(file)).toString('utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code !== 'EACCES') throw explainFileError(error, `read ${file}`);
    const isOwn = (await ifReadable(stat(file)))?.uid === process.getuid?.();
    const hint = isOwn
      ? `\`chmod u+rw ${quoteForShell(file)}\` opens it`
      : `another person wrote it: \`sudo chown $USER ${quoteForShell(file)}\``;
    throw stateError(`the state file ${file} may not be read: permission denied`, { trouble: 'closed', file }, hint);
  }
}

function stateError(message: string, details: StateTrouble, hint: string): StackError {
  return new StackError('state', message, { hint, details });
}
