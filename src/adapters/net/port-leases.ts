import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { bestEffort, messageOf } from '../../domain/errors.ts';
import { parseFields } from '../../domain/json.ts';
import { stateFolder } from '../../domain/layout.ts';
import { rootIdOf } from '../../domain/names.ts';
import { ifThere } from '../files/file-errors.ts';
import { isThere, readFileIfThere, replaceFile } from '../files/files.ts';
import { makePersonFolder, personFolder } from '../files/person-folder.ts';
import { withLock } from '../lock.ts';
import { findFreePort, type PortRequest } from './ports.ts';

const WAIT_SECONDS = 5;

/** What one root of this person's holds. */
interface RootLeases {
  /** Real path of the root. */
  root: string;
  ports: readonly number[];
}

/** The leases of all roots of one person on this machine: a file each, in a folder of the person's own. */
export interface PortLeases {
  /**
   * Returns a port as `findFreePort` does, that no other root holds either. It is promised to this root at once, until `keep` says
   * what the root really holds. Call it with the state lock held. Throws `port`.
   */
  find(request: PortRequest, leased: ReadonlySet<number>): Promise<number>;
  /** Notes what this root holds. Call it with the state lock held. Never throws. */
  keep(ports: ReadonlySet<number>): Promise<void>;
  /** Returns what other roots hold that are still there. Throws `files`. */
  others(): Promise<RootLeases[]>;
}

/** Returns the leases as one root sees them. `warn` is told once when they cannot be read or written. */
export function openPortLeases(options: {
  root: string;
  env: Readonly<Record<string, string | undefined>>;
  warn(text: string): void;
}): PortLeases {
  const { root } = options;
  const name = `${rootIdOf(root)}.json`;
  const folderOf = (): string => path.join(personFolder(options.env), 'leases');
  let isTold = false;
  const tell = (error: unknown): void => {
    if (isTold) return;
    isTold = true;
    options.warn(`ports of other roots are not known, and may be leased here too: ${messageOf(error)}`);
  };
  const write = async (ports: readonly number[]): Promise<void> => {
    const text = `${JSON.stringify({ root, ports } satisfies RootLeases)}\n`;
    await replaceFile(path.join(folderOf(), name), text, { lasting: false });
  };
  const others = async (drop = false): Promise<RootLeases[]> => {
    const names = ((await ifThere(readdir(folderOf()))) ?? []).filter((one) => one.endsWith('.json') && one !== name);
    return (await Promise.all(names.map((one) => readLeases(path.join(folderOf(), one), drop)))).flat();
  };
  return {
    others: () => others(),
    async find(request, leased) {
      let begun = false;
      const choose = async (): Promise<number> => {
        const held = (await others(true)).flatMap(({ ports }) => ports);
        begun = true;
        const port = await findFreePort(request, new Set([...leased, ...held]));
        await write([...leased, port]).catch(tell);
        return port;
      };
      try {
        await makePersonFolder(options.env, folderOf());
        return await withLock(path.join(folderOf(), 'lock'), choose, { waitSeconds: WAIT_SECONDS });
      } catch (error) {
        if (begun) throw error;
        tell(error);
        return findFreePort(request, leased);
      }
    },
    async keep(ports) {
      try {
        const file = path.join(folderOf(), name);
        const wanted = [...ports].sort((one, other) => one - other);
        const [known] = await readLeases(file, false);
        if (String([...(known?.ports ?? [])].sort((one, other) => one - other)) === String(wanted)) return;
        if (wanted.length === 0) return await rm(file, { force: true });
        await makePersonFolder(options.env, folderOf());
        await write(wanted);
      } catch (error) {
        tell(error);
      }
    },
  };
}

/**
 * One whose root is gone, or has no state any more, holds nothing, and with `drop` is deleted: with the lock held, since the root may
 * just come back. Nor does one that cannot be read.
 */
async function readLeases(file: string, drop: boolean): Promise<RootLeases[]> {
  const leases = parse((await readFileIfThere(file)) ?? '');
  if (!leases) return [];
  if (await isThere(stateFolder(leases.root))) return [leases];
  if (drop) await bestEffort(rm(file, { force: true }));
  return [];
}

function parse(text: string): RootLeases | undefined {
  const { root, ports } = parseFields<RootLeases>(text);
  return typeof root === 'string' && Array.isArray(ports) && ports.every(Number.isInteger)
    ? { root, ports }
    : undefined;
}
