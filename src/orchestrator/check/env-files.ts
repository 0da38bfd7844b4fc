import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'dotenv';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { isTracked } from '../../adapters/git/exclude.ts';
import type { EnvFileFacts } from '../../domain/check/link.ts';
import { readEnvBlock } from '../../domain/env-block.ts';
import { type EnvReader, isOfOtherPlace } from '../../domain/env-reader.ts';
import { requireDedicated, requireService } from '../../domain/instance.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { fillBlock } from '../steps/env-file.ts';
import { findEnvReaders } from '../workloads/env-readers.ts';

/**
 * Returns what reads env files in a service's folder, and the files: the one with stack's block, and those that programs may read
 * beside it.
 */
export async function traceEnvFiles(
  work: Work,
  service: string,
): Promise<{ files: EnvFileFacts[]; readers: EnvReader[] }> {
  const config = await requireConfig(work);
  const { repo } = requireService(work.record, service);
  const { worktree, envFiles } = requireDedicated(work.record, repo);
  const dir = config.services[service]?.dir ?? '';
  const own = path.join(dir, config.repos[repo]?.envFile ?? '');
  const entries = (await ifThere(readdir(path.join(worktree, dir), { withFileTypes: true }))) ?? [];
  const beside = entries
    .filter((entry) => entry.isFile() && /^\.env(\.|$)/.test(entry.name) && !isOfOtherPlace(entry.name))
    .map((entry) => path.join(dir, entry.name));
  const readers = await findEnvReaders(work, service);
  const read = readers.flatMap(({ files }) => files.map((file) => path.join(dir, file)));
  const names = new Set([...(envFiles.includes(own) ? [own] : []), ...beside, ...read]);
  const files = await Promise.all(
    [...names].map(async (name) => {
      const wanted = name === own && envFiles.includes(own) ? await fillBlock(work, repo, own) : undefined;
      const text = await readFileIfThere(path.join(worktree, name));
      return {
        ...{ name, wanted },
        block: text === undefined ? undefined : readEnvBlock(text),
        values: text === undefined ? undefined : parse(text),
        tracked: wanted === undefined && (await isTracked(worktree, name)),
      };
    }),
  );
  return { files, readers };
}
