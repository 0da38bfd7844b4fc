import { type Copied, copyFiles } from '../../adapters/files/copy-files.ts';
import { type Found, findMatches } from '../../adapters/files/find-files.ts';
import { listIncluded } from '../../adapters/git/included.ts';
import { noteCopied } from '../../adapters/git/worktree/note-written.ts';
import { requireDedicated } from '../../domain/instance.ts';
import type { Step } from '../../domain/step.ts';
import { requireConfig, saveRecord, type Work } from '../core/work.ts';

/** Files that git does not carry (`copy:`, `.worktreeinclude`), brought over from the main checkout once. */
export function copyStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  const warn = (text: string): void => work.stack.emit({ type: 'warning', text: `${repo}: ${text}` });
  let listed: ReturnType<typeof listWanted> | undefined;
  return {
    id: { kind: 'copy', of: repo },
    subject: repo,
    title: 'files from the main checkout',
    after: [{ kind: 'worktree', of: repo }],
    afterIfListed: [{ kind: 'saved-work', of: repo }],
    async inspect() {
      if (record.copied) return 'present';
      listed = listWanted(work, repo);
      const { found, unmatched } = await listed;
      return found.length + unmatched.length > 0 ? 'absent' : 'present';
    },
    async apply({ signal, note }) {
      const { found, unmatched } = await (listed ?? listWanted(work, repo));
      for (const glob of unmatched) warn(`${glob} matches nothing in ${record.path}, so nothing is copied for it`);
      const { path: from, worktree: to } = record;
      const result: Copied = { copied: [], outside: [], passedOver: [] };
      const onProgress = (done: number, total: number): void => note(`${done} of ${total}`);
      try {
        await copyFiles({ from, to, found, signal, onProgress }, result);
      } finally {
        await noteCopied(to, result.copied);
      }
      tell(result, warn);
      record.copied = true;
      await saveRecord(work);
    },
    // They go with the worktree.
    ownedByOther: true,
    async revert() {},
  };
}

const SHOWN = 4;

function tell({ outside, passedOver }: Copied, warn: (text: string) => void): void {
  const list = (all: readonly string[]): string =>
    `${all.slice(0, SHOWN).join(', ')}${all.length > SHOWN ? `, … (${all.length})` : ''}`;
  if (outside.length > 0) warn(`copied links lead out of the repo: ${list(outside)}`);
  if (passedOver.length > 0) warn(`not copied: ${list(passedOver)}`);
}

/** What is to be copied, and the patterns that match nothing. Env files have a step of their own. */
async function listWanted(work: Work, repo: string): Promise<{ found: Found[]; unmatched: string[] }> {
  const { path: checkout, envFiles } = requireDedicated(work.record, repo);
  const config = await requireConfig(work);
  const [matches, included] = await Promise.all([
    findMatches(checkout, config.repos[repo]?.copy ?? []),
    listIncluded(checkout),
  ]);
  const all = new Map([...matches.found, ...(included ?? [])].map((found) => [found.path, found]));
  const found = [...all.values()].filter(({ path }) => !envFiles.includes(path));
  return { found, unmatched: matches.unmatched };
}
