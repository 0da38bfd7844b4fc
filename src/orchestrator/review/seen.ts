import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { makeFolder, removeIfEmpty } from '../../adapters/files/files.ts';
import { withLock } from '../../adapters/lock.ts';
import { openResultCache, type ResultCache } from '../../adapters/state/result-cache.ts';
import { bestEffort } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';

/** What a person has seen of a repo of a ticket. */
export interface Seen {
  /** ISO 8601. */
  at: string;
  /** Full ids of the commits that its work was at and stood on. */
  head: string;
  base: string;
  /** Full id of the tree that its files were, what was not committed too. */
  tree: string;
  /** The folder that keeps what of it no repo has. */
  objects: string;
}

/** What somebody looks at now, of one repo. */
interface Looked {
  repo: string;
  head: string;
  base: string;
  /** The tree that its files are. */
  to: string;
  objects: string | undefined;
}

/** What a person has seen of a ticket. It is kept outside of the repos: no ref of theirs stands for it. */
export interface SeenMarks {
  /** Undefined where nobody has looked at the changes. */
  find(repo: string): Seen | undefined;
  /** The commit up to which its commits, or its changes, were seen last, and when. */
  findLogged(repo: string): { head: string; at: string } | undefined;
  /** Makes a folder for the objects of a new look. */
  makeRoom(repo: string): Promise<[repo: string, folder: string]>;
  /** Notes that changes were seen; what was kept of the looks before goes, once nobody reads it any more. */
  look(trees: readonly Looked[]): Promise<void>;
  /** Notes that commits were seen. */
  lookAtLog(heads: Readonly<Record<string, string>>): Promise<void>;
}

/** Opens what is noted of a ticket; of an earlier one of that name nothing counts. Marks that cannot be written are none. */
export async function openSeen(root: string, { ticket, createdAt }: InstanceRecord): Promise<SeenMarks> {
  const folder = inFolder(root, 'seen', ticket);
  const file = path.join(folder, 'marks.json');
  const cache = await openResultCache(file);
  // What others have noted since stays.
  const note = async (work: (marks: ResultCache) => Promise<void>): Promise<void> => {
    const locked = async (): Promise<void> => {
      await makeFolder(folder);
      await withLock(path.join(folder, 'marks.lock'), async () => work(await openResultCache(file)));
    };
    await bestEffort(locked());
  };
  const now = new Date().toISOString();
  return {
    find: (repo) => cache.get(`changes ${createdAt} ${repo}`) as Seen | undefined,
    findLogged: (repo) => cache.get(`commits ${createdAt} ${repo}`) as { head: string; at: string } | undefined,
    async makeRoom(repo) {
      const objects = path.join(folder, `${repo}-${randomBytes(6).toString('hex')}`);
      await makeFolder(objects);
      return [repo, objects];
    },
    look: (trees) =>
      note(async (marks) => {
        for (const { repo, head, base, to: tree, objects = '' } of trees) {
          marks.set(`changes ${createdAt} ${repo}`, { at: now, head, base, tree, objects } satisfies Seen);
          marks.set(`commits ${createdAt} ${repo}`, { head, at: now });
        }
        await marks.save();
        const kept = trees.map(({ repo }) => marks.get(`changes ${createdAt} ${repo}`) as Seen);
        await clear(folder, { kept, repos: trees.map(({ repo }) => repo) });
      }),
    lookAtLog: (heads) =>
      note(async (marks) => {
        for (const [repo, head] of Object.entries(heads)) marks.set(`commits ${createdAt} ${repo}`, { head, at: now });
        await marks.save();
      }),
  };
}

/** Longer than a command reads what another one has replaced, or makes what it has yet to note. */
const READ_MS = 3_600_000;

async function clear(
  folder: string,
  { kept, repos }: { kept: readonly Seen[]; repos: readonly string[] },
): Promise<void> {
  const named = new Set(kept.map(({ objects }) => objects));
  const rooms = ((await ifThere(readdir(folder))) ?? [])
    .filter((name) => repos.includes(/^(.*)-[0-9a-f]{12}$/.exec(name)?.[1] ?? ''))
    .map((name) => path.join(folder, name));
  const until = Date.now() - READ_MS;
  for (const room of rooms.filter((one) => !named.has(one))) {
    const found = await ifThere(stat(room));
    if (found && found.mtimeMs < until) await rm(room, { recursive: true, force: true });
  }
}

/** Forgets what was seen of a ticket. */
export async function forgetSeen(root: string, ticket: string): Promise<void> {
  await rm(inFolder(root, 'seen', ticket), { recursive: true, force: true });
  await removeIfEmpty(inFolder(root, 'seen'));
}
