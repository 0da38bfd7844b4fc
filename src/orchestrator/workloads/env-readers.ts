import path from 'node:path';
import type { RepoCommand } from '../../domain/config/config.ts';
import type { EnvReader } from '../../domain/env-reader.ts';
import { requireDedicated, requireService } from '../../domain/instance.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { listEnvReaders, listReached } from '../sources/env-readers.ts';
import { readSources } from '../sources/sources.ts';

/** Returns what reads env files in a service's folder, as its files and the commands of `stack.yml` tell. */
export async function findEnvReaders(work: Work, service: string): Promise<EnvReader[]> {
  const { services, repos } = await requireConfig(work);
  const { repo } = requireService(work.record, service);
  const { dir = '', command } = services[service] ?? {};
  const { setup = [], migrate = [], seed = [] } = repos[repo] ?? {};
  const sources = await readSources(path.join(requireDedicated(work.record, repo).worktree, dir));
  const lines = {
    setup: join(setup),
    migrate: join(migrate),
    seed: join(seed),
    command: [command ?? []].flat().join(' '),
  };
  const reached = listReached(sources, Object.values(lines).join(' '));
  return listEnvReaders(sources, lines).map((reader) => {
    const { script } = reader;
    const isRun = script === undefined || Object.hasOwn(lines, script) || reached.has(script);
    return isRun ? reader : { ...reader, byHand: true };
  });
}

/** Returns what reads env files in a folder once commands run there: by themselves, by the scripts that they lead to, and by the code. */
export async function findCommandReaders(folder: string, commands: readonly RepoCommand[]): Promise<EnvReader[]> {
  const sources = await readSources(folder);
  const line = join(commands);
  const reached = listReached(sources, line);
  return listEnvReaders(sources, { [line]: line }).filter(
    ({ script }) => script === undefined || script === line || reached.has(script),
  );
}

function join(commands: readonly RepoCommand[]): string {
  return commands.map(({ run }) => [run].flat().join(' ')).join('; ');
}
