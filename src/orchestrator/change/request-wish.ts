import { existsSync } from 'node:fs';
import { readBody } from '../../adapters/git/change/request-base.ts';
import type { Commit } from '../../adapters/git/commits.ts';
import {
  describeClosing,
  describeSisters,
  type ForgePlace,
  type PullRequest,
  type PullRequestChange,
  replaceBlock,
} from '../../domain/forge.ts';
import type { DedicatedRepo, InstanceRecord } from '../../domain/instance.ts';

/** What a person may say of requests that are made or brought up to date. */
export interface RequestWords {
  /** In place of the issue's title, or the subject of the first commit. */
  title?: string | undefined;
  /** In place of the list of commits. */
  body?: string | undefined;
  /** True: what is not said comes from the commits, also of a request that is there. */
  fill: boolean;
}

/** Returns a repo's title and text as they are said, or else its commits have them with `fill`; undefined: it is not said. Throws `git`. */
export async function wordRequest(
  own: DedicatedRepo,
  commits: readonly Commit[],
  { title, body, fill }: RequestWords,
): Promise<Pick<RequestWords, 'title' | 'body'>> {
  if (!fill) return { title, body };
  return { title: title ?? commits[0]?.subject, body: body ?? (await describeCommits(own, commits)) };
}

async function describeCommits({ worktree, path }: DedicatedRepo, commits: readonly Commit[]): Promise<string> {
  const [first] = commits;
  if (first && commits.length === 1) return readBody(existsSync(worktree) ? worktree : path, first.commit);
  return commits.map(({ subject }) => `- ${subject}`).join('\n');
}

/**
 * Returns what stack writes into the texts of a ticket's requests, by repo: what is closed with it, and its sisters. `places` says where
 * each repo's request is. The issue is closed by the request of its own repo, else by the last to be merged.
 */
export function linkRequests(
  { ticket, issue }: Pick<InstanceRecord, 'ticket' | 'issue'>,
  requests: ReadonlyMap<string, PullRequest>,
  places: Readonly<Record<string, ForgePlace>>,
): Record<string, string> {
  const sisters = [...requests].map(([repo, { url }]) => ({ repo, url }));
  const repos = [...requests.keys()];
  const isIssues = (repo: string): boolean => places[repo]?.host === issue?.host && places[repo]?.path === issue?.path;
  const closing = repos.find(isIssues) ?? repos.at(-1);
  const blocks = repos.map((repo): [string, string] => {
    const place = places[repo];
    const closes = issue && place && repo === closing ? describeClosing(issue, place) : '';
    return [repo, [closes, describeSisters(ticket, sisters, repo)].filter((part) => part !== '').join('\n\n')];
  });
  return Object.fromEntries(blocks);
}

/** Returns what is to change of a request; undefined for nothing. What people wrote into its text stays. */
export function changesOf(
  request: PullRequest,
  { title, body, base }: Pick<RequestWords, 'title' | 'body'> & { base: string | undefined },
  block: string,
): PullRequestChange | undefined {
  const before = request.body.replaceAll('\r\n', '\n').trimEnd();
  const text = replaceBlock(body ?? before, block).trimEnd();
  const change = {
    ...(text !== before && { body: text }),
    // GitLab writes before it that it is a draft.
    ...(title !== undefined && ![title, `Draft: ${title}`].includes(request.title) && { title }),
    ...(base !== undefined && base !== request.base && { base }),
  };
  return Object.keys(change).length > 0 ? change : undefined;
}
