import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import type { RequestedRepo, RequestState, TicketRequests } from '../orchestrator/change/pull-request.ts';
import { exitCodeOf } from '../orchestrator/change/result.ts';
import { createStyle } from '../ui/style.ts';
import { type Block, countOf, describeRefusal, listWith, renderBlock, renderChange } from './common/change-blocks.ts';
import { namedTickets } from './common/tickets.ts';
import { listValues, type RenderOptions, type Verb } from './common/verb.ts';

interface Options {
  title?: string;
  body?: string;
  bodyFile?: string;
  fill?: boolean;
  draft?: boolean;
  order?: string[];
  dryRun?: boolean;
}

interface Judged {
  ticket: string;
  repos: Record<string, RequestState>;
}

export const pr: Verb<Options, TicketRequests | Judged> = {
  name: 'pr',
  summary:
    'push a ticket and make its pull requests, which name each other; again: update them. `status`: their checks',
  args: '[ticket] [status]',
  flags: [
    ['--title <text>', 'the title; else that of the issue, or the subject of the first commit'],
    ['--body <text>', 'the text; else the commits'],
    ['--body-file <file>', 'the same from a file; `-` is standard input'],
    ['--fill', 'title and text from the commits, of those that are there too'],
    ['--draft', 'new ones are drafts'],
    ['--order <repo...>', 'the order to merge in; else as the services depend on each other'],
    ['--dry-run', 'say what would be made; push nothing'],
  ],
  examples: [
    'stack pr feat-02',
    'stack pr feat-02 --draft --order api,front',
    'stack pr feat-02 status',
    'cd tickets/feat-02 && stack pr --body-file notes.md',
  ],
  completes: { tickets: true, actions: ['status'] },
  async run(context, { args, options }) {
    const { judgeRequests, requestTicket } = await import('../orchestrator/change/pull-request.ts');
    const { named, isStatus } = await readArgs(context, args);
    const [stack, [ticket = '']] = await Promise.all([context.stack(), namedTickets(context, named)]);
    if (isStatus) return judgeRequests(stack, ticket);
    const order = options.order && listValues(options.order);
    const body = await readBody(context, options);
    return requestTicket(stack, {
      ...{ ticket, title: options.title, body, order },
      ...{ fill: options.fill === true, draft: options.draft === true, dryRun: options.dryRun === true },
    });
  },
  render(result, view) {
    if (!('order' in result)) return renderStates(result, view);
    return renderChange(result, (repo) => describe(repo, result.dryRun), tellVerdict(result), view);
  },
  exitCode(result) {
    if ('order' in result) return exitCodeOf(result);
    return Object.values(result.repos).some((one) => one !== null && 'problem' in one) ? 1 : 0;
  },
};

/** A ticket may be called `status`: then it is named twice. Throws `usage`. */
async function readArgs(context: Context, args: readonly string[]): Promise<{ named: string[]; isStatus: boolean }> {
  const [first, second] = args;
  if (second !== undefined && second !== 'status') {
    throw new StackError('usage', `${JSON.stringify(second)} is nothing that pr does`, {
      hint: 'stack pr TICKET, or stack pr TICKET status',
    });
  }
  const { instances } = await (await context.stack()).store.read();
  const isAlone = first === 'status' && second === undefined && !Object.hasOwn(instances, 'status');
  return { named: first === undefined || isAlone ? [] : [first], isStatus: isAlone || second !== undefined };
}

async function readBody(context: Context, { body, bodyFile }: Options): Promise<string | undefined> {
  if (bodyFile === undefined) return body;
  if (body !== undefined) {
    throw new StackError('usage', '--body and --body-file exclude each other', { hint: 'give one of the two' });
  }
  if (bodyFile === '-') return readAll(context.host.stdin);
  const file = path.resolve(context.host.cwd, bodyFile);
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new StackError('usage', `cannot read ${bodyFile}: ${cause.code}`, {
      hint: 'name a file with the text',
      cause,
    });
  });
}

async function readAll(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const part of input) text += part;
  return text;
}

function tellVerdict({ repos, dryRun, order }: TicketRequests): string {
  const bad = listWith(repos, 'refused', 'failed');
  if (bad.length > 0) return `not done, because of ${bad.join(', ')}; the same command goes on from here`;
  const open = order.filter((repo) => repos[repo]?.url !== undefined || repos[repo]?.result === 'waiting');
  if (open.length === 0) return 'there is nothing to propose';
  if (dryRun) return `${countOf(open.length, 'branch', 'branches')} would be pushed and proposed`;
  return open.length > 1 ? `to be merged in this order: ${open.join(', ')}` : 'one to be merged';
}

const DONE: Partial<Record<RequestedRepo['result'], string>> = {
  created: 'made',
  updated: 'updated',
  unchanged: 'up to date',
  'by-hand': 'to be made by hand, since its program (gh, glab) is not installed',
};

function describe(repo: RequestedRepo, dryRun: boolean): Block {
  const { result, branch, base, url, number, title, draft, reason } = repo;
  if (result === 'refused' || result === 'failed') return describeRefusal(repo);
  if (result === 'waiting') {
    const what = number === undefined ? `${branch} would be proposed for ${base}` : `#${number} would be updated`;
    return { line: dryRun ? what : 'not begun', more: url === undefined ? [] : [url] };
  }
  if (url === undefined) return { line: reason ?? 'pushed', more: [] };
  const named = number === undefined ? `${branch} → ${base}` : `#${number} ${title}${draft ? ' (draft)' : ''}`;
  return { line: `${named}: ${DONE[result] ?? result}`, more: [url] };
}

function renderStates({ ticket, repos }: Judged, { color, columns }: RenderOptions): string {
  const style = createStyle(color);
  const width = Math.max(...Object.keys(repos).map((repo) => repo.length)) + 2;
  const lines = Object.entries(repos).map(([repo, one]) =>
    renderBlock(repo, describeState(one, style), { width, columns }),
  );
  return [...lines, '', `${ticket}: ${tellStates(ticket, Object.values(repos))}`].join('\n');
}

function describeState(one: RequestState, style: ReturnType<typeof createStyle>): Block {
  if (!one) return { line: style.dim('no pull request'), more: [] };
  if ('problem' in one)
    return { line: style.bad(`not known: ${one.problem}`), more: one.hint === undefined ? [] : [one.hint] };
  const bad = one.failed.length > 0 ? ` (${one.failed.join(', ')})` : '';
  const paint = one.checks === 'failed' ? style.bad : one.checks === 'passed' ? style.good : style.dim;
  const facts = [one.draft ? 'draft' : one.state, `checks: ${paint(one.checks)}${bad}`, `review: ${one.review}`];
  return { line: `#${one.number} ${facts.join(', ')}`, more: [one.url] };
}

function tellStates(ticket: string, states: readonly RequestState[]): string {
  if (states.some((one) => one !== null && 'problem' in one)) return 'not all could be asked';
  const there = states.flatMap((one) => (one !== null && !('problem' in one) ? [one] : []));
  if (there.length === 0) return `no pull request yet; \`stack pr ${ticket}\` makes them`;
  if (there.every(({ state }) => state === 'merged')) return 'merged';
  const open = there.filter(({ state }) => state === 'open');
  if (open.some(({ checks, review }) => checks === 'failed' || review === 'changes-requested')) return 'needs work';
  const isReady = open.every(({ checks, review, draft }) => !draft && checks !== 'running' && review === 'approved');
  return isReady ? 'ready to be merged' : 'waits for checks or a review';
}
