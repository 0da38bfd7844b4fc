import { type Finding, renderFinding } from './findings.ts';
import type { PlannedTicket, Stage } from './plan.ts';

/** What an author leaves to who reviews. */
export interface Handover {
  ticket: PlannedTicket;
  stage: Stage;
  repos: { repo: string; branch: string; base: string; baseCommit: string; commit: string }[];
  /** Lines of the ticket's notes. */
  notes: string;
}

/** Returns what a stage is told; undefined for nothing. `findings`: what a review has sent the ticket back with. */
export function renderPrompt(
  { prompt }: PlannedTicket,
  stage: Stage,
  { findings, review }: { findings: readonly Finding[]; review: string | undefined },
): string | undefined {
  const mend = findings.length > 0 && stage.prompt === undefined && stage.fixes !== undefined ? MEND : undefined;
  const found = [`What the review has found:`, ...findings.map((one) => `- ${renderFinding(one)}`)].join('\n');
  const parts = [stage.prompt ?? mend, review, prompt, findings.length > 0 ? found : undefined];
  const said = parts.filter((part) => part !== undefined);
  return said.length > 0 ? `${said.map((part) => part.trimEnd()).join('\n\n')}\n` : undefined;
}

const MEND = 'Mend what the review of this task has found, and commit it.';

/** Returns what a reviewer is told. */
export function renderReviewTask(stage: Stage): string {
  const what =
    stage.prompt === undefined ? ['Review the work that HANDOVER.md in this folder tells of. Change nothing.'] : [];
  return [
    ...what,
    'Write what you find to the file $STACK_FINDINGS, as a list in JSON; `[]` where there is nothing:',
    '[{ "severity": "blocker|major|minor", "repo": "…", "path": "…", "line": 1, "text": "…" }]',
    'blocker and major send the work back to its author. The task was:',
  ].join('\n');
}

/** Returns the text of the file that an author leaves to who reviews. */
export function renderHandover({ ticket, stage, repos, notes }: Handover): string {
  const lines = repos.flatMap(({ repo, branch, base, baseCommit, commit }) => [
    `- \`${repo}\`: ${commit.slice(0, 12)} of the branch \`${branch}\`, which began at ${baseCommit.slice(0, 12)} of \`${base}\``,
    `  \`git -C ${repo} log ${baseCommit.slice(0, 12)}..${commit.slice(0, 12)}\`, \`git -C ${repo} diff ${baseCommit.slice(0, 12)} ${commit.slice(0, 12)}\``,
  ]);
  return [
    `# ${ticket.ticket}: ${stage.reviews}`,
    '',
    ...(ticket.prompt === undefined ? [] : ['## Task', '', ticket.prompt.trimEnd(), '']),
    ...['## Commits', '', ...lines, ''],
    ...(notes.trim() === '' ? [] : ['## Notes', '', notes.trimEnd(), '']),
  ].join('\n');
}
