import { z } from 'zod';
import type { Forge, ForgeIssue, ForgeRoute, PullRequest, Verdicts } from '../../domain/forge.ts';
import { askForge, askIfThere, type ForgeCall, type ForgeSession } from './ask-forge.ts';
import { readAs } from './read-as.ts';

/** A pull request, as far as it is read (REST API of GitHub, version 2022-11-28). */
const pull = z.object({
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  body: z.string().nullable(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean().default(false),
  merged_at: z.string().nullish(),
  base: z.object({ ref: z.string() }),
  head: z.object({ sha: z.string() }),
});
const issue = z.object({
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  body: z.string().nullish(),
  /** A pull request is an issue too. */
  pull_request: z.unknown().optional(),
});
const runs = z.object({
  check_runs: z.array(z.object({ name: z.string(), status: z.string(), conclusion: z.string().nullable() })),
});
const statuses = z.object({ statuses: z.array(z.object({ context: z.string(), state: z.string() })) });
const reviews = z.array(z.object({ user: z.object({ login: z.string() }).nullable(), state: z.string() }));

/** Conclusions of a check that do not stand in the way. */
const PASSED = ['success', 'neutral', 'skipped'];

/** Returns what GitHub does for a repo. */
export function openGithub(session: ForgeSession, { from, to }: ForgeRoute): Forge {
  const repo = `repos/${to.path}`;
  const [owner = ''] = from.path.split('/');
  const ask = (method: ForgeCall['method'], path: string, body?: object): Promise<unknown> =>
    askForge(session, { program: 'gh', env: { GH_HOST: to.host }, method, path, ...(body && { body }) });
  const toPull = (answer: unknown): PullRequest => describe(readAs(pull, answer, to.host));
  return {
    async find(branch) {
      const query = new URLSearchParams({ state: 'all', head: `${owner}:${branch}`, per_page: '30' });
      const found = readAs(z.array(pull), await ask('GET', `${repo}/pulls?${query}`), to.host).map(describe);
      return found.find(({ state }) => state === 'open') ?? found.sort((one, other) => other.number - one.number)[0];
    },
    async create({ branch, base, title, body, draft }) {
      const head = from.path === to.path ? branch : `${owner}:${branch}`;
      return toPull(await ask('POST', `${repo}/pulls`, { title, head, base, body, draft }));
    },
    async update({ number }, change) {
      return toPull(await ask('PATCH', `${repo}/pulls/${number}`, change));
    },
    async findIssue(number) {
      const answer = await askIfThere(ask('GET', `${repo}/issues/${number}`));
      return answer === undefined ? undefined : describeIssue(readAs(issue, answer, to.host));
    },
    async judge({ number, head }) {
      const [checks, marks, said] = await Promise.all([
        ask('GET', `${repo}/commits/${head}/check-runs?per_page=100`).then((answer) => readAs(runs, answer, to.host)),
        ask('GET', `${repo}/commits/${head}/status?per_page=100`).then((answer) => readAs(statuses, answer, to.host)),
        ask('GET', `${repo}/pulls/${number}/reviews?per_page=100`).then((answer) => readAs(reviews, answer, to.host)),
      ]);
      return { ...judgeChecks(checks, marks), review: judgeReviews(said) };
    },
  };
}

function describe(found: z.infer<typeof pull>): PullRequest {
  return {
    ...{ number: found.number, url: found.html_url, title: found.title, body: found.body ?? '', draft: found.draft },
    ...{ base: found.base.ref, head: found.head.sha, state: found.merged_at ? 'merged' : found.state },
  };
}

function describeIssue({ number, html_url, title, body, pull_request }: z.infer<typeof issue>): ForgeIssue | undefined {
  return pull_request === undefined ? { number, url: html_url, title, body: body ?? '' } : undefined;
}

function judgeChecks(
  { check_runs }: z.infer<typeof runs>,
  { statuses: marks }: z.infer<typeof statuses>,
): Pick<Verdicts, 'checks' | 'failed'> {
  const all = [
    ...check_runs.map(({ name, status, conclusion }) => ({ name, state: status === 'completed' ? conclusion : null })),
    ...marks.map(({ context, state }) => ({ name: context, state: state === 'pending' ? null : state })),
  ];
  const failed = all.filter(({ state }) => state !== null && !PASSED.includes(state)).map(({ name }) => name);
  if (failed.length > 0) return { checks: 'failed', failed };
  if (all.some(({ state }) => state === null)) return { checks: 'running', failed };
  return { checks: all.length > 0 ? 'passed' : 'none', failed };
}

/** The last word of each reviewer counts; a comment takes nothing back. */
function judgeReviews(said: z.infer<typeof reviews>): Verdicts['review'] {
  const last = new Map<string, string>();
  for (const { user, state } of said) if (state !== 'COMMENTED') last.set(user?.login ?? '', state);
  const words = [...last.values()];
  if (words.includes('CHANGES_REQUESTED')) return 'changes-requested';
  if (words.includes('APPROVED')) return 'approved';
  return said.length > 0 ? 'commented' : 'none';
}
