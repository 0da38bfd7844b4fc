import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import type { StackState } from '../../domain/instance.ts';
import { stateFileOf, stateFolder, stateLockOf } from '../../domain/layout.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../files/files.ts';
import { withLock } from '../lock.ts';
import {
  keepOldVersion,
  lostStateError,
  putStateAside,
  readStateFile,
  type StateText,
  troubleOf,
  writeStateFile,
} from './file.ts';

export interface StateStore {
  /** The state as it stands; that of a new root is empty. Throws `state`, also where only traces of one are left; `files`. */
  read(): Promise<StackState>;
  /**
   * Changes the state under the cross-process lock and writes it as a whole. Keep `change` short: no git, no engine; only
   * doctor removes under it what is nobody's, so that nobody makes it again meanwhile. Nothing is written when it throws. Throws `state`, `busy`, `files`.
   */
  update<Result>(change: (draft: StackState) => Result | Promise<Result>): Promise<Result>;
  /** Throws `confirm` while the state is not to be acted on: it came with git, and nobody has looked. */
  requireBelieved(): Promise<void>;
  /**
   * Puts what is known in the place of a state that is lost or damaged. Returns where the damaged file is now; undefined
   * where there was none. Throws what `read` throws of any other state, `busy`, `files`.
   */
  rebuild(
    known: Pick<StackState, 'stack' | 'shared' | 'baseline' | 'instances' | 'sequence'>,
  ): Promise<string | undefined>;
}

export interface StateOptions {
  /** Real path of the root. */
  root: string;
  /** Name of the stack, for a root that is new. */
  stack: string;
  /** Of this stack. */
  version: string;
  /** Names what there is of the root besides its state; asked only where there is no state file. */
  listTraces(): Promise<string[]>;
  /** Throws `confirm` where what is there came with git; asked before each change. */
  requireBelieved?(): Promise<void>;
  /** Told of each state once it is written, with the lock held. */
  onWritten?(state: StackState): Promise<void>;
}

/** Returns the store of one root. */
export function openState({ root, stack, version, listTraces, requireBelieved, onWritten }: StateOptions): StateStore {
  const folder = stateFolder(root);
  const file = stateFileOf(root);
  const empty: StackState = { version: 3, writtenBy: version, root, stack, shared: {}, instances: {} };

  /** Undefined for a root that is new. */
  async function load(): Promise<StateText | undefined> {
    const found = await readStateFile(file, root);
    if (found) return found;
    const traces = await listTraces();
    if (traces.length === 0) return undefined;
    // Another command may have written it, and made all that, while we looked.
    const late = await readStateFile(file, root);
    if (!late) throw lostStateError(root, traces);
    return late;
  }

  async function locked<Result>(work: () => Promise<Result>): Promise<Result> {
    await requireBelieved?.();
    await prepareStateFolder(folder);
    return withLock(stateLockOf(root), work);
  }

  return {
    requireBelieved: async () => requireBelieved?.(),
    read: async () => (await load())?.state ?? structuredClone(empty),
    update: (change) =>
      locked(async () => {
        const found = await load();
        const draft = found?.state ?? structuredClone(empty);
        const before = renderRecords(draft);
        const result = await change(draft);
        if (found && found.version !== empty.version) await keepOldVersion(root, found);
        const state = { ...draft, writtenBy: version, sequence: (draft.sequence ?? 0) + 1 };
        await writeStateFile(root, state);
        await onWritten?.(state);
        const { keepCopies } = await import('./copies.ts');
        const after = renderRecords(state);
        await keepCopies(
          state,
          [...after.keys()].filter((ticket) => after.get(ticket) !== before.get(ticket)),
        );
        return result;
      }),
    rebuild: (known) =>
      locked(async () => {
        const readable = await load().catch((error: unknown) => {
          if (!['gone', 'damaged'].includes(troubleOf(error) ?? '')) throw error;
        });
        if (readable) throw new StackError('busy', `${file} can be read again`, { hint: 'look at it once more' });
        const aside = await putStateAside(root);
        const state = { ...empty, ...known, sequence: (known.sequence ?? 0) + 1 };
        await writeStateFile(root, state);
        await onWritten?.(state);
        const { keepCopies } = await import('./copies.ts');
        await keepCopies(state, Object.keys(state.instances));
        return aside;
      }),
  };
}

function renderRecords({ instances }: StackState): Map<string, string> {
  return new Map(Object.entries(instances).map(([ticket, record]) => [ticket, JSON.stringify(record)]));
}

/** Makes `.stack/` with a `.gitignore` that hides it from the root's own repo. Throws `files`. */
export async function prepareStateFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const ignore = path.join(folder, '.gitignore');
  if ((await readFileIfThere(ignore)) === undefined) await replaceFile(ignore, '*\n', { lasting: false });
}
