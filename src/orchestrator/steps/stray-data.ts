import path from 'node:path';
import { parse } from 'dotenv';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { findAddresses } from '../../domain/check/address.ts';
import type { RepoCommand } from '../../domain/config/config.ts';
import { describeReader, type EnvReader, findWinner, type Winner } from '../../domain/env-reader.ts';
import { StackError } from '../../domain/errors.ts';
import { requireDedicated } from '../../domain/instance.ts';
import { listOwnDatabases } from '../../domain/own.ts';
import { listNames } from '../../domain/template.ts';
import { requireConfig, type Work, wiringOf } from '../core/work.ts';
import { listDatabases } from '../data/kinds.ts';
import { findCommandReaders } from '../workloads/env-readers.ts';
import { fillEnv } from '../workloads/spec.ts';

/** What a repo's commands are for, and where they run. */
export interface CommandPlace {
  repo: string;
  /** In whose surroundings they run; undefined for a repo without services. */
  service: string | undefined;
  kind: 'setup' | 'migrate' | 'seed';
}

const DATABASE = /^(?:postgres(?:ql)?|mysql|mariadb)\b/;

/** Why commands would change another database, and the cure. */
interface Stray {
  key: string;
  file: string;
  reason: string;
  hint: string;
}

/**
 * Keeps a repo's commands from a database that is not the one stack wires: an env file may go over what they are given, or be all that
 * they are told by. Throws `config`.
 */
export async function refuseStrayData(
  work: Work,
  where: CommandPlace,
  commands: readonly RepoCommand[],
): Promise<void> {
  const { worktree } = requireDedicated(work.record, where.repo);
  const { dir = '', env = {} } = (await requireConfig(work)).services[where.service ?? ''] ?? {};
  const given = await listGiven(work, where.service);
  const isUntold = Object.keys(given).length === 0 && listOwnDatabases(work.record.own).length > 0;
  for (const folder of new Set(['', dir])) {
    const at = path.join(worktree, folder);
    const readers = await findCommandReaders(at, commands);
    // Code that lies deeper reads the files of its own folder.
    for (const reader of readers.filter(({ script }) => folder === dir || script !== undefined)) {
      const files = await readAll(at, reader);
      const told = reader.overrides ? [] : Object.keys(env);
      const keys = [...files.values()].flatMap(Object.keys).filter((key) => !told.includes(key));
      const known = { reader, keys, winnerOf: (key: string) => findWinner(reader, key, (file) => files.get(file)) };
      const [stray] = isUntold ? findUntold(where, known) : findOverruled(given, where, known);
      if (stray) throw strayError(work, where, stray);
    }
  }
}

function strayError({ record }: Work, { repo, kind }: CommandPlace, { key, file, reason, hint }: Stray): StackError {
  const text = `${kind} of ${repo} would change another database than ${record.ticket}’s: ${reason}`;
  return new StackError('config', text, { hint, details: { repo, key, file } });
}

/** What stack gives them of a database. */
async function listGiven(work: Work, service: string | undefined): Promise<Record<string, string>> {
  const config = await requireConfig(work);
  const settings = service === undefined ? undefined : config.services[service];
  if (service === undefined || !settings) return {};
  const databases = listDatabases(config);
  const filled = fillEnv(await wiringOf(work), service, settings);
  const isData = (template: string): boolean =>
    listNames(template).some((name) => databases.includes(name.split('.')[0] ?? ''));
  return Object.fromEntries(Object.entries(filled).filter(([key]) => isData(settings.env[key] ?? '')));
}

async function readAll(folder: string, { files }: EnvReader): Promise<Map<string, Record<string, string>>> {
  const read = files.map(async (name): Promise<[string, Record<string, string>]> => {
    return [name, parse((await readFileIfThere(path.join(folder, name))) ?? '')];
  });
  return new Map(await Promise.all(read));
}

interface Known {
  reader: EnvReader;
  winnerOf: (key: string) => Winner | undefined;
  keys: readonly string[];
}

/** What a set-up runs is told by scripts alone: most of it has nothing to do with data. */
function findOverruled(given: Readonly<Record<string, string>>, { repo, kind }: CommandPlace, known: Known): Stray[] {
  const { reader, winnerOf } = known;
  if (!reader.overrides || (kind === 'setup' && reader.script === undefined)) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const winner = winnerOf(key);
    if (!winner || winner.value === value) return [];
    const reason = `${describeReader(reader)} puts ${key} of ${winner.file} over what stack gives it`;
    const hint = `\`env_file: ${winner.file}\` of ${repo} in stack.yml writes stack’s values there, where they win`;
    return [{ key, file: winner.file, reason, hint }];
  });
}

/** A ticket has a database of its own, and nothing tells them of it but the developer’s files. */
function findUntold({ repo, service, kind }: CommandPlace, { reader, winnerOf, keys }: Known): Stray[] {
  if (kind === 'setup') return [];
  return keys.flatMap((key) => {
    const winner = winnerOf(key);
    const addresses = /TEST/i.test(key) ? [] : findAddresses(key, winner?.value ?? '');
    if (!winner || !addresses.some(({ scheme = '' }) => DATABASE.test(scheme))) return [];
    const reason = `${describeReader(reader)} takes ${key} from ${winner.file}, and stack.yml gives it none`;
    const hint = `name ${key} in \`env\` of ${service ?? `a service of ${repo}`} in stack.yml: \`\${postgres.url}\``;
    return [{ key, file: winner.file, reason, hint }];
  });
}
