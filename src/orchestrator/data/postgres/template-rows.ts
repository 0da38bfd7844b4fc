import type { Session } from '../../../adapters/postgres/connection.ts';
import { inSnapshot, readContents } from '../../../adapters/postgres/contents.ts';
import { copyRows, planRows } from '../../../adapters/postgres/copy-rows.ts';
import { copyDatabase, type Database, dropDatabase, sealDatabase } from '../../../adapters/postgres/databases.ts';
import { bestEffort, throwIfAborted } from '../../../domain/errors.ts';
import type { Contents } from '../../../domain/own.ts';
import type { PostgresServer } from './postgres.ts';

interface Templates {
  /** The template that is there. */
  before: Database;
  /** The name of the one to be made. */
  fresh: string;
}

/**
 * Makes a sealed template of the one that is there and of the rows that the baseline has otherwise than that, while others use the
 * baseline. Returns what is in it; undefined, and there is none, where the schema is another one, or a table cannot be filled so.
 * Throws `interrupted`.
 */
export async function copyChanges(
  session: Session,
  server: PostgresServer,
  { before, fresh }: Templates,
  signal: AbortSignal,
): Promise<Contents | undefined> {
  const known = before.mark?.contents;
  if (typeof known !== 'object') return undefined;
  const copying = server.inside(
    (source) =>
      inSnapshot(source, async () => {
        const contents = await readContents(source);
        if (contents.whole !== known.whole) return undefined;
        const changed = Object.keys(contents.parts).filter((oid) => contents.parts[oid] !== known.parts[oid]);
        const plan = await planRows(source, changed);
        if (plan === undefined) return undefined;
        await copyDatabase(session, { name: fresh, from: before, sealed: false });
        await server.inside((target) => copyRows(source, target, plan), signal, fresh);
        return contents;
      }),
    signal,
  );
  // pg_dump says what is wrong, if it cannot either.
  const contents = await bestEffort(copying);
  throwIfAborted(signal);
  if (contents) await sealDatabase(session, fresh);
  else await dropDatabase(session, fresh, { force: true });
  return contents;
}
