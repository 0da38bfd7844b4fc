import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE } from '../adapters/config-file.ts';
import { findWorkAtRisk, type RiskFinding } from '../adapters/git/risk.ts';
import { StackError } from '../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../domain/instance.ts';

/** Work that destroy would lose, in one repo of one ticket. */
export interface TicketRisk {
  ticket: string;
  repo: string;
  findings: RiskFinding[];
}

/** Looks in all repos of a ticket, side by side, for work that nobody else has. Changes nothing. */
export async function findRisks(record: InstanceRecord, options: { keepBranch: boolean }): Promise<TicketRisk[]> {
  const all = await Promise.all(
    dedicatedRepos(record).map(async ([repo, { path: repoPath, worktree, branch, ownsBranch, baseCommit }]) => {
      const found = await findWorkAtRisk({
        repoPath,
        worktree,
        branch,
        ownsBranch: ownsBranch && !options.keepBranch,
        baseCommit,
      });
      return { ticket: record.ticket, repo, findings: found };
    }),
  );
  return all.filter((risk) => risk.findings.length > 0);
}

/** Gives what people put beside the worktrees in the ticket's folder; it stays when the ticket goes. */
export async function listForeignFiles(record: InstanceRecord): Promise<string[]> {
  const ours = new Set([
    POINTER_FILE,
    ...dedicatedRepos(record).map(([, repo]) => path.relative(record.folder, repo.worktree)),
  ]);
  const entries = await readdir(record.folder).catch(() => []);
  return entries.filter((entry) => !ours.has(entry));
}

/** Gives the refusal for work that would be lost: a list per repo, and what to type. */
export function riskError(risks: readonly TicketRisk[]): StackError {
  const tickets = [...new Set(risks.map((risk) => risk.ticket))];
  const onlyCommits = risks.every((risk) => risk.findings.every((finding) => finding.kind === 'unpushed'));
  const lines = risks.flatMap(({ ticket, repo, findings }) => [
    `${ticket} ${repo}:`,
    ...findings.map((finding) => `  ${finding.text}`),
  ]);
  const names = tickets.join(' ');
  return new StackError(onlyCommits ? 'unpushed' : 'dirty', `destroying ${tickets.join(', ')} would lose work`, {
    hint: onlyCommits
      ? `push or merge it, or \`stack destroy ${names} --keep-branch\`; --force saves it under refs/stack/rescue/ and goes on`
      : `commit and push it; \`stack destroy ${names} --force\` saves it under refs/stack/rescue/ and goes on`,
    lines,
    details: risks,
  });
}
