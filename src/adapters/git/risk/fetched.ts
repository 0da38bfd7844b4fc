import path from 'node:path';
import { ifReadable } from '../../files/file-errors.ts';
import { readWhole } from '../../files/read-file.ts';

/**
 * Returns the ids of what came from a remote of a repo, where no remote branch says so: what a clone brought is packed, and what was
 * fetched last is noted. [] for a repo that has no remote.
 */
export async function listFetched(commonDir: string): Promise<string[]> {
  const [config, ...texts] = await Promise.all(
    ['config', 'packed-refs', 'FETCH_HEAD'].map((name) =>
      ifReadable(readWhole(path.join(commonDir, name)).then((bytes) => bytes.toString('latin1'))),
    ),
  );
  if (!/^\s*url\s*=/m.test(config ?? '')) return [];
  return [...new Set(texts.join('\n').match(/^[0-9a-f]{40,64}\b/gm))];
}
