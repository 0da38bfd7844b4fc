import path from 'node:path';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { StackError } from '../../domain/errors.ts';
import { requireDedicated, requireService } from '../../domain/instance.ts';
import { requireConfig, type Work } from '../core/work.ts';

/**
 * Returns the variables of a service's `env_file:` files: those of its worktree, and of the main checkout for a file that git does
 * not carry. The last file has the most to say. Throws `config` for one that is in neither, `files`.
 */
export async function readServiceFiles(work: Work, service: string): Promise<Record<string, string>> {
  const { services } = await requireConfig(work);
  const { dir = '', envFiles = [] } = services[service] ?? {};
  if (envFiles.length === 0) return {};
  const { repo } = requireService(work.record, service);
  const { worktree, path: checkout } = requireDedicated(work.record, repo);
  const { parse } = await import('dotenv');
  const found = await Promise.all(
    envFiles.map(async (file) => {
      const place = path.join(dir, file);
      const text =
        (await readFileIfThere(path.join(worktree, place))) ??
        (await readFileIfThere(path.join(checkout, place), { pipe: true, signal: work.stack.signal }));
      if (text !== undefined) return parse(text);
      throw new StackError('config', `${service}: the env file ${place} is not in ${repo}`, {
        hint: `make it in ${path.join(checkout, dir)}, or take it out of \`env_file:\` of ${service} in stack.yml`,
        details: { service, file: place },
      });
    }),
  );
  return Object.assign({}, ...found);
}
