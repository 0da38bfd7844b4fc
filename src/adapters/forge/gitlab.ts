import { z } from 'zod';
import type { Forge, ForgePlace, ForgeRoute, PullRequest, Verdicts } from '../../domain/forge.ts';
import { askForge, askIfThere, type ForgeCall, type ForgeSession } from './ask-forge.ts';
import { readAs } from './read-as.ts';

/** A merge request, as far as it is read (REST API of GitLab, version 4). */
const merge = z.object({
  iid: z.number(),
  web_url: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  state: z.enum(['opened', 'closed', 'locked', 'merged']),
  draft: z.boolean().default(false),
  target_branch: z.string(),
  source_project_id: z.number().nullish(),
  target_project_id: z.number().nullish(),
  sha: z.string().nullable(),
});
const issue = z.object({
  iid: z.number(),
  web_url: z.string(),
  title: z.string(),
  description: z.string().nullish(),
  /** Of an issue that has moved. */
  moved_to_id: z.number().nullish(),
});
const piped = z.object({ head_pipeline: z.object({ id: z.number(), status: z.string() }).nullish() });
const jobs = z.array(z.object({ name: z.string() }));
const approvals = z.object({ approved: z.boolean().optional(), approved_by: z.array(z.unknown()).default([]) });
const project = z.object({ id: z.number() });

/** Statuses of a pipeline that has ended, and what they come to. */
const ENDED: Record<string, Verdicts['checks']> = {
  success: 'passed',
  skipped: 'none',
  failed: 'failed',
  canceled: 'failed',
};
/** How GitLab marks a draft. */
const DRAFT = 'Draft: ';

/** Returns what GitLab does for a repo. */
export function openGitlab(session: ForgeSession, { from, to }: ForgeRoute): Forge {
  const ask = (method: ForgeCall['method'], path: string, body?: object): Promise<unknown> => {
    const env = { GITLAB_HOST: `https://${to.host}`, GITLAB_URI: '', GL_HOST: '' };
    return askForge(session, { program: 'glab', env, method, path, ...(body && { body }) });
  };
  const [source, target] = [from, to].map(pathOf) as [string, string];
  const isForked = source !== target;
  const toMerge = (answer: unknown): PullRequest => describe(readAs(merge, answer, to.host));
  const idOf = async (path: string): Promise<number> => readAs(project, await ask('GET', path), to.host).id;
  return {
    async find(branch) {
      const order = { order_by: 'created_at', sort: 'desc', per_page: '30' };
      const query = new URLSearchParams({ source_branch: branch, state: 'all', ...order });
      const answer = await ask('GET', `${target}/merge_requests?${query}`);
      const own = isForked ? await idOf(source) : undefined;
      const found = readAs(z.array(merge), answer, to.host)
        // The list has those that forks make from a branch of the same name.
        .filter((one) => one.source_project_id === (own ?? one.target_project_id))
        .map(describe);
      return found.find(({ state }) => state === 'open') ?? found[0];
    },
    async create({ branch, base, title, body, draft }) {
      return toMerge(
        await ask('POST', `${source}/merge_requests`, {
          ...{ source_branch: branch, target_branch: base, title: draft ? `${DRAFT}${title}` : title },
          ...{ description: body, ...(isForked && { target_project_id: await idOf(target) }) },
        }),
      );
    },
    async update({ number, draft }, { title, body, base }) {
      return toMerge(
        await ask('PUT', `${target}/merge_requests/${number}`, {
          ...(title !== undefined && { title: draft ? `${DRAFT}${title}` : title }),
          ...(base !== undefined && { target_branch: base }),
          ...(body !== undefined && { description: body }),
        }),
      );
    },
    async findIssue(number) {
      const answer = await askIfThere(ask('GET', `${target}/issues/${number}`));
      if (answer === undefined) return undefined;
      const { iid, web_url, title, description, moved_to_id } = readAs(issue, answer, to.host);
      const isLeft = moved_to_id !== null && moved_to_id !== undefined;
      return { number: iid, url: web_url, title, body: description ?? '', isLeft };
    },
    async judge({ number }) {
      const at = `${target}/merge_requests/${number}`;
      const [request, approved] = await Promise.all([
        ask('GET', at).then((answer) => readAs(piped, answer, to.host)),
        ask('GET', `${at}/approvals`).then((answer) => readAs(approvals, answer, to.host)),
      ]);
      const pipeline = request.head_pipeline;
      const checks = pipeline ? (ENDED[pipeline.status] ?? 'running') : 'none';
      const failed =
        pipeline && checks === 'failed'
          ? await ask('GET', `${target}/pipelines/${pipeline.id}/jobs?scope[]=failed`)
          : [];
      const isApproved = approved.approved_by.length > 0 && approved.approved !== false;
      return {
        ...{ checks, failed: readAs(jobs, failed, to.host).map(({ name }) => name) },
        review: isApproved ? 'approved' : 'none',
      };
    },
  };
}

function pathOf({ path }: ForgePlace): string {
  return `projects/${encodeURIComponent(path)}`;
}

function describe(found: z.infer<typeof merge>): PullRequest {
  const { iid, web_url, title, description, state, draft, target_branch, sha } = found;
  return {
    ...{ number: iid, url: web_url, title, body: description ?? '', draft, base: target_branch, head: sha ?? '' },
    state: state === 'opened' || state === 'locked' ? 'open' : state,
  };
}
