import path from 'node:path';
import { copyMatches, readFileIfThere } from '../../adapters/files.ts';
import { noteCopied } from '../../adapters/git/ignored.ts';
import type { Step } from '../../domain/step.ts';
import { requireDedicated } from '../spec.ts';
import { requireConfig, saveRecord, type Work } from '../work.ts';

/** Files that git does not carry (`copy:`, `.worktreeinclude`), brought over from the main checkout once. */
export function copyStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  return {
    id: `copy ${repo}`,
    subject: repo,
    title: 'files from the main checkout',
    after: [`worktree ${repo}`, `saved-work ${repo}`],
    async inspect() {
      if (record.copied) return 'present';
      return (await listPatterns(work, repo, record.path)).length > 0 ? 'absent' : 'present';
    },
    async apply() {
      const patterns = await listPatterns(work, repo, record.path);
      await noteCopied(record.worktree, await copyMatches(record.path, record.worktree, patterns));
      record.copied = true;
      await saveRecord(work);
    },
    // They go with the worktree.
    goesAlong: true,
    async revert() {},
  };
}

async function listPatterns(work: Work, repo: string, checkout: string): Promise<string[]> {
  const config = await requireConfig(work);
  const listed = await readFileIfThere(path.join(checkout, '.worktreeinclude'));
  const included = (listed ?? '').split('\n').map((line) => line.trim());
  return [...(config.repos[repo]?.copy ?? []), ...included.filter((line) => line !== '' && !line.startsWith('#'))];
}
