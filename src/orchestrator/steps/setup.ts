import { requireDedicated } from '../../domain/instance.ts';
import type { Step } from '../../domain/step.ts';
import { requireConfig, saveRecord, type Work } from '../core/work.ts';
import { commandIds } from './ids.ts';
import { runRepoCommands } from './repo-command.ts';

/** The `setup:` commands of a repo, run once where its first service runs; their output is kept in `.stack/logs/`. */
export function setupStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  const services = Object.entries(work.record.services).filter(([, service]) => service.repo === repo);
  const names = services.map(([name]) => name);
  return {
    id: { kind: 'setup', of: repo },
    subject: repo,
    title: 'setup commands',
    after: [{ kind: 'copy', of: repo }],
    afterIfListed: [{ kind: 'env-file', of: repo }, ...commandIds(work, names)],
    async inspect() {
      const config = await requireConfig(work);
      return record.setUp || (config.repos[repo]?.setup ?? []).length === 0 ? 'present' : 'absent';
    },
    async apply(progress) {
      const config = await requireConfig(work);
      const where = { repo, service: names[0], kind: 'setup' } as const;
      await runRepoCommands(work, where, config.repos[repo]?.setup ?? [], progress);
      record.setUp = true;
      await saveRecord(work);
    },
    // What it made is in the worktree and in the volumes, and goes with them.
    ownedByOther: true,
    async revert() {},
  };
}
