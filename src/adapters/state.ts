import path from 'node:path';
import { StackError } from '../domain/errors.ts';
import type { StackState } from '../domain/instance.ts';
import { makeFolder, readFileIfThere, replaceFile } from './files.ts';
import { withLock } from './lock.ts';

const VERSION = 1;

export interface StateStore {
  /** The state as it stands; a root without a state file has an empty one. Throws `state`. */
  read(): Promise<StackState>;
  /**
   * Changes the state under the cross-process lock and writes it as a whole. Keep `change` short: no git, no engine.
   * Nothing is written when it throws. Throws `state`, `busy`, `files`.
   */
  update<Result>(change: (draft: StackState) => Result | Promise<Result>): Promise<Result>;
}

/** Gives the store of one root. `root` is its real path. */
export function openState(root: string, stack: string, version: string): StateStore {
  const folder = path.join(root, '.stack');
  const file = path.join(folder, 'state.json');
  const empty: StackState = { version: VERSION, writtenBy: version, root, stack, shared: {}, instances: {} };

  async function read(): Promise<StackState> {
    const text = await readFileIfThere(file);
    if (text === undefined) return structuredClone(empty);
    const state = await parseState(text, file);
    if (state.root !== root) {
      throw new StackError('state', `this folder was moved or copied: its state belongs to ${state.root}`, {
        hint: `move it back, or, if this is a copy, delete ${folder} here`,
      });
    }
    return state;
  }

  return {
    read,
    async update(change) {
      await prepareFolder(folder);
      return withLock(path.join(folder, 'state.lock'), async () => {
        const draft = await read();
        const result = await change(draft);
        await replaceFile(file, `${JSON.stringify({ ...draft, writtenBy: version }, null, 2)}\n`);
        return result;
      });
    },
  };
}

/** Gives the name the state file of a root was made under; undefined when there is none, or none that can be read. */
export async function readStackName(root: string): Promise<string | undefined> {
  const text = await readFileIfThere(path.join(root, '.stack', 'state.json'));
  try {
    const { stack } = JSON.parse(text ?? '{}') as { stack?: unknown };
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}

/** Makes `.stack/` with a `.gitignore` that hides it from the root's own repo. */
async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const ignore = path.join(folder, '.gitignore');
  if ((await readFileIfThere(ignore)) === undefined) await replaceFile(ignore, '*\n', { lasting: false });
}

async function parseState(text: string, file: string): Promise<StackState> {
  const refuse = (why: string, hint: string): never => {
    throw new StackError('state', `the state file ${file} ${why}`, { hint });
  };
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return refuse('is not JSON', 'put back a good copy; until then nothing is started or removed');
  }
  const { version, writtenBy } = (data ?? {}) as { version?: unknown; writtenBy?: unknown };
  if (typeof version === 'number' && version > VERSION) {
    return refuse(`was written by a newer stack (${String(writtenBy)})`, 'upgrade stack to that version');
  }
  const { stateSchema } = await import('../domain/state-schema.ts');
  const parsed = stateSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return refuse(
    `is damaged at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`,
    'put back a good copy; until then nothing is started or removed',
  );
}
