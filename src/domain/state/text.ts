import type { StackState } from '../instance.ts';
import { parseJson } from '../json.ts';
import { stateSchema } from './schema.ts';
import { findNonsense } from './sense.ts';

/** The version of the state file that is written. */
export const STATE_VERSION: StackState['version'] = 3;

type Data = Record<string, unknown>;

/**
 * Leads from each older version to the next. A field that older versions may safely pass over needs none: it is optional, and
 * what a version does not know it keeps. One that they must not pass over (something that has to be taken apart) does.
 */
const MIGRATIONS: Record<number, (old: Data) => Data> = {
  // Version 1 lost, as it wrote, what it did not know.
  1: (old) => ({ ...old, version: 2 }),
  // Version 2 had no `as`: the number 0 stood for one yet to be leased, and for a server.
  2: (old) => ({
    ...old,
    version: 3,
    ...(isData(old.baseline) && { baseline: tellShapes(old.baseline) }),
    ...(isData(old.instances) && { instances: mapData(old.instances, tellShapes) }),
  }),
};

function tellShapes(record: unknown): unknown {
  if (!isData(record) || !isData(record.own)) return record;
  const { postgres, redis, ...others } = record.own;
  const own = {
    ...others,
    ...(postgres !== undefined && { postgres: isData(postgres) ? { as: 'database', ...postgres } : postgres }),
    ...(redis !== undefined && { redis: isData(redis) ? tellRedis(redis) : redis }),
  };
  return { ...record, own };
}

function tellRedis({ server, number, ...more }: Data): Data {
  if (server !== undefined) return { as: 'server', ...more, ...(isData(server) && server) };
  return { as: 'number', ...more, ...(number !== 0 && { number }) };
}

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapData(map: Data, change: (value: unknown) => unknown): Data {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

/** A state, with the version it was written in; or why the text is none. */
export type ReadState =
  | { state: StackState; version: number }
  | { problem: string /** The stack that wrote it, where that is newer than this one. */; newer?: string };

/** Reads the text of a state file of this version or an older one, migrated. Never throws. */
export function readState(text: string): ReadState {
  const data = parseJson(text);
  if (data === undefined) return { problem: text.trim() === '' ? 'is empty' : 'is not JSON' };
  if (!isData(data)) return { problem: 'holds no state' };
  const { version, writtenBy } = data;
  if (typeof version === 'number' && version > STATE_VERSION) {
    const newer = typeof writtenBy === 'string' ? writtenBy : 'unknown';
    return { problem: `was written by a newer stack (${newer})`, newer };
  }
  // What a parser would pass over in silence is nothing that stack writes.
  if (text.includes('"__proto__"')) return { problem: 'is damaged: it has a key `__proto__`' };
  return checkState(migrate(data), Number(version));
}

function migrate(data: Data): Data {
  const step = typeof data.version === 'number' ? MIGRATIONS[data.version] : undefined;
  return step ? migrate(step(data)) : data;
}

function checkState(data: Data, version: number): ReadState {
  const parsed = stateSchema.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { problem: `is damaged at ${issue?.path.join('.') || 'its top'}: ${issue?.message}` };
  }
  const nonsense = findNonsense(parsed.data);
  return nonsense === undefined ? { state: parsed.data, version } : { problem: `is damaged: ${nonsense}` };
}
