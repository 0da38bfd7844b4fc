import { chown, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../files/files.ts';
import type { PostgresPlace, PostgresTools } from './postgres-data.ts';

/** Extensions that reach nothing beyond the database and that products use, but only superusers may install. */
const HARMLESS = /^(earthdistance|moddatetime|pg_stat_statements|postgis(_\w+)?|address_standardizer\w*|vector)$/;

/**
 * Returns the setting by which whoever owns a database may install the harmless extensions too: copies of their control files
 * that call them trusted, in a folder that the server reads first.
 */
export async function offerExtensions(
  place: PostgresPlace,
  tools: PostgresTools,
): Promise<{ extension_control_path?: string }> {
  const source = path.resolve(path.dirname(tools.postgres), '../share/postgresql/extension');
  const top = path.join(place.folder, 'trusted');
  const folder = path.join(top, 'extension');
  // A list with no way to quote what parts its folders.
  if (top.includes(':')) return {};
  await rm(top, { recursive: true, force: true });
  await makeFolder(folder);
  const handOver = async (file: string): Promise<void> => {
    if (tools.user) await chown(file, tools.user.uid, tools.user.gid);
  };
  await Promise.all([top, folder].map(handOver));
  for (const file of await readdir(source)) {
    const [name = ''] = file.split(/--|\.control$/);
    if (!HARMLESS.test(name)) continue;
    const [from, to] = [path.join(source, file), path.join(folder, file)];
    if (!file.endsWith('.control')) {
      await symlink(from, to);
      continue;
    }
    await writeFile(to, `${await readFile(from, 'utf8')}\ntrusted = true\n`, { mode: 0o600 });
    await handOver(to);
  }
  return { extension_control_path: `${top}:$system` };
}
