import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import type { ForgeIssue, ForgePlace } from '../../domain/forge.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { nameForIssue } from '../../domain/ticket.ts';
import type { Stack } from '../core/stack.ts';
import { findTracker, openPlace, type ProposalForge, type Unproposable } from '../review/proposal.ts';
import { listRequested, type RepoRequest, requireRepo } from './repos.ts';

/** What a ticket takes from an issue. */
export interface IssueTask extends Required<Pick<InstanceRecord, 'task' | 'issue'>> {
  /** The name that the ticket gets unless it is given one. */
  argument: string;
}

/** No forge has longer ones. */
const MOST_LETTERS = 1_048_576;

interface Wanted {
  number: number;
  /** A repo of stack.yml. */
  repo?: string | undefined;
  place?: ForgePlace | undefined;
}

/**
 * Returns what an issue says: `123`, `#123` is looked for in the repos that the ticket gets of its own, `api#123` in one, and an address
 * leads anywhere. Throws `usage`, `not-found`, `config`, `git`, and `process` where the forge cannot be asked.
 */
export async function readIssue(stack: Stack, text: string, request: RepoRequest): Promise<IssueTask> {
  const wanted = parseIssue(text);
  const trackers = await listTrackers(stack, wanted, request);
  const asked = Promise.all(trackers.map((tracker) => ask(tracker, wanted.number)));
  const found = await asked.catch((error: unknown) => {
    throw trackers.length > 1 ? sayWhich(error, wanted.number) : error;
  });
  const answers = found.filter((one) => one !== undefined);
  const issues = answers.filter(({ issue, to }) => !hasMoved(issue, to, wanted.number));
  const [first] = issues;
  if (!first && answers[0]) throw moved(answers[0], wanted.number);
  if (!first) {
    const asked = trackers.map(({ to }) => `${to.host}/${to.path}`).join(', ');
    throw new StackError('not-found', `there is no issue ${wanted.number} in ${asked}`, {
      hint: 'is the number right, and may you see it? A pull request is none: `--from-REPO=pr:NUMBER` starts there',
    });
  }
  if (issues.length > 1) {
    const urls = issues.map(({ issue }) => issue.url);
    throw new StackError('usage', `there are ${issues.length} issues ${wanted.number}: ${urls.join(', ')}`, {
      hint: '`--issue URL` or `--issue REPO#NUMBER` says which',
    });
  }
  const { issue, to } = first;
  const task = `${issue.title}\n\n${issue.body.replaceAll('\r\n', '\n')}`.trim().slice(0, MOST_LETTERS);
  const { number, url, title } = issue;
  return { argument: nameForIssue(number, title), task, issue: { number, url, title, host: to.host, path: to.path } };
}

/** One of several repos cannot be asked: that of the issue may be another. */
function sayWhich(error: unknown, number: number): unknown {
  if (!(error instanceof StackError) || error.code !== 'process') return error;
  const hint = `${error.hint}; or \`--issue REPO#${number}\` asks one repo alone`;
  return new StackError('process', error.message, { hint, details: error.details, cause: error });
}

/** GitHub leads on from an issue that was transferred, and both from a repo that has another name. */
function hasMoved({ url, isLeft }: ForgeIssue, to: ForgePlace, number: number): boolean {
  const at = parsePage(url);
  return isLeft === true || at?.number !== number || at.place?.path.toLowerCase() !== to.path.toLowerCase();
}

function moved({ issue: { url, isLeft }, to }: { issue: ForgeIssue; to: ForgePlace }, number: number): StackError {
  const hint = isLeft ? `${url} leads there: \`--issue URL\` takes that one` : `\`--issue ${url}\` takes it`;
  return new StackError('not-found', `issue ${number} of ${to.host}/${to.path} has moved`, { hint });
}

function parseIssue(text: string): Wanted {
  const [, repo, number] = /^(?:([A-Za-z0-9-]+)?#)?(\d{1,15})$/.exec(text) ?? [];
  if (number !== undefined) return { number: Number(number), repo };
  const page = parsePage(text);
  if (page) return page;
  throw new StackError('usage', `--issue ${text} names no issue`, {
    hint: 'a number, `api#123` for one of a repo, or the address of its page',
  });
}

function parsePage(text: string): Wanted | undefined {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  const [, name, at] = /^\/(.+?\/.+?)(?:\/-)?\/(?:issues|work_items)\/(\d{1,15})\/?$/.exec(url?.pathname ?? '') ?? [];
  return url && name !== undefined ? { number: Number(at), place: { host: url.host, path: name } } : undefined;
}

type Tracker = Required<ProposalForge>;

/** Throws where none of the places can be asked; one of several that is no forge's has no issues. */
async function listTrackers(stack: Stack, { place, repo }: Wanted, request: RepoRequest): Promise<Tracker[]> {
  const found = place ? [await openPlace(stack, place)] : await findAll(stack, repo, request);
  const open = found.filter((one): one is ProposalForge => !('reason' in one));
  const [bad] = found.filter((one): one is Unproposable => 'reason' in one);
  const [closed] = open.filter(({ forge }) => !forge);
  if (closed) {
    const program = { github: 'gh', gitlab: 'glab' }[closed.kind];
    throw new StackError(
      'process',
      `${program} is not installed, and the issue of ${closed.to.host} is asked through it`,
      {
        hint: `install it and log in: \`${program} auth login --hostname ${closed.to.host}\``,
      },
    );
  }
  if (open.length === 0 && bad)
    throw new StackError('usage', `no issue can be asked for: ${bad.reason}`, { hint: bad.hint });
  const known = new Map(open.map((one) => [`${one.to.host}/${one.to.path}`, one as Tracker]));
  return [...known.values()];
}

async function findAll(stack: Stack, repo: string | undefined, request: RepoRequest) {
  const config = await stack.config();
  if (repo !== undefined) requireRepo(config, repo, `--issue ${repo}#…`);
  const repos = repo === undefined ? listRequested(config, request) : [repo];
  return Promise.all(
    repos.map((name) => {
      const settings = config.repos[name];
      return findTracker(stack, path.resolve(stack.root, settings?.path ?? ''), settings?.base);
    }),
  );
}

async function ask({ forge, to }: Tracker, number: number): Promise<{ issue: ForgeIssue; to: ForgePlace } | undefined> {
  const issue = await forge?.findIssue(number);
  return issue && { issue, to };
}
