import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { findProgram } from '../../src/adapters/process/launch.ts';

/** One request as the server keeps it, whatever it is called. */
interface KeptRequest {
  number: number;
  branch: string;
  base: string;
  title: string;
  body: string;
  draft: boolean;
  state: 'open' | 'merged' | 'closed';
  /** True: somebody's fork has the branch. */
  isForked?: boolean;
}

/** A forge on loopback: it keeps bare repos, which git reaches over HTTPS, and their requests, as GitHub and GitLab show them. */
export interface ForgeServer {
  /** `localhost:PORT` */
  host: string;
  /** What the programs need to trust it, and where the programs are. */
  env: Record<string, string>;
  /** Requests by the path of their repo: `acme/front`. */
  requests: Record<string, KeptRequest[]>;
  /** Issues by the path of their repo; one that is a pull request is marked. */
  issues: Record<string, { number: number; title: string; body: string; isRequest?: boolean; movedTo?: number }[]>;
  /** Paths of repos whose issues are switched off. */
  noIssues: string[];
  /** What was asked of the API: `POST /repos/acme/front/pulls`. */
  asked: string[];
  /** Names of checks with how they ended; null for one that goes on. */
  checks: Record<string, 'success' | 'failure' | null>;
  /** True from when somebody has approved. */
  approved: boolean;
  /** What the next request to be made is refused with. */
  refusal: string | undefined;
  close(): Promise<void>;
}

/** The folder with `gh` and `glab`: that of CI, else where the PATH finds them; undefined where one is missing. */
export async function findForgePrograms(): Promise<string | undefined> {
  const searched = [process.env.STACK_TEST_FORGES, process.env.PATH].filter(Boolean).join(path.delimiter);
  for (const folder of searched.split(path.delimiter)) {
    const found = await Promise.all(['gh', 'glab'].map((name) => findProgram(name, '/', folder)));
    if (found.every((one) => one === 'runnable')) return folder;
  }
  return undefined;
}

/** Opens a forge whose repos are the bare ones in a folder: `FOLDER/acme/front.git`. */
export async function openForgeServer(folder: string, programs: string): Promise<ForgeServer> {
  const [key, cert] = ['forge-key.pem', 'forge-cert.pem'].map((name) => path.join(folder, name)) as [string, string];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ];
  execFileSync('openssl', made, { stdio: 'ignore' });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const forge: ForgeServer = {
    ...{ host, requests: {}, issues: {}, noIssues: [], asked: [], checks: {}, approved: false, refusal: undefined },
    env: {
      ...{ SSL_CERT_FILE: cert, GIT_SSL_CAINFO: cert, GH_ENTERPRISE_TOKEN: 'token', GITLAB_TOKEN: 'token' },
      PATH: `${programs}${path.delimiter}${process.env.PATH}`,
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('request', (request, answer) => {
    const url = new URL(request.url ?? '', `https://${host}`);
    if (/^\/[^/]+\/[^/]+\.git\//.test(url.pathname)) serveGit(folder, url, request, answer);
    else void serveApi(folder, forge, url, request, answer);
  });
  return forge;
}

/** git's own server, as CGI (git-http-backend(1)). */
function serveGit(folder: string, url: URL, request: IncomingMessage, answer: ServerResponse): void {
  const child = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
    env: {
      ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: url.pathname },
      ...{ QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method, REMOTE_USER: 'test' },
      ...{ CONTENT_TYPE: request.headers['content-type'], HTTP_CONTENT_ENCODING: request.headers['content-encoding'] },
      HTTP_GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.on('close', () => {
    const all = Buffer.concat(parts);
    const end = all.indexOf('\r\n\r\n');
    for (const line of all.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/: ?/);
      if (name === 'Status') answer.statusCode = Number.parseInt(value, 10);
      else answer.setHeader(name, value);
    }
    answer.end(all.subarray(end + 4));
  });
}

/** What is asked of a repo's API. */
interface Question {
  forge: ForgeServer;
  query: URLSearchParams;
  repo: string;
  kept: KeptRequest[];
  number: number;
  /** The request that the address names. */
  one: KeptRequest | undefined;
  body: Record<string, never>;
  tipOf(branch: string): string;
}

type Answer = [status: number, value: unknown];
type Route = readonly [method: RegExp, rest: RegExp, reply: (question: Question) => Answer];

/** GitHub's, below `/repos/OWNER/NAME`. */
const GITHUB: readonly Route[] = [
  [/GET/, /^\/pulls$/, (asked) => [200, list(asked, 'head').map((one) => showPull(asked, one))]],
  [/POST/, /^\/pulls$/, (asked) => make(asked, readPull(asked.body), showPull)],
  [/PATCH/, /^\/pulls\/\d+$/, (asked) => change(asked, readPull(asked.body), showPull)],
  [/GET/, /^\/issues\/\d+$/, (asked) => findIssue(asked, 'number', 'body', 'html_url')],
  [/GET/, /\/reviews$/, ({ forge }) => [200, forge.approved ? [{ user: { login: 'ada' }, state: 'APPROVED' }] : []]],
  [/GET/, /\/check-runs$/, ({ forge }) => [200, { check_runs: Object.entries(forge.checks).map(showRun) }]],
  [/GET/, /\/status$/, () => [200, { statuses: [] }]],
];

/** GitLab's, below `/projects/PATH`. */
const GITLAB: readonly Route[] = [
  [/GET/, /^\/merge_requests$/, (asked) => [200, list(asked, 'source_branch').map((one) => showMerge(asked, one))]],
  [/POST/, /^\/merge_requests$/, (asked) => make(asked, readMerge(asked.body), showMerge)],
  [/GET|PUT/, /^\/merge_requests\/\d+$/, (asked) => change(asked, readMerge(asked.body), showMerge)],
  [/GET/, /^\/issues\/\d+$/, (asked) => findIssue(asked, 'iid', 'description', 'web_url')],
  [/GET/, /\/approvals$/, ({ forge }) => [200, { approved: true, approved_by: forge.approved ? [{}] : [] }]],
  [/GET/, /\/jobs$/, ({ forge }) => [200, listFailed(forge).map((name) => ({ name }))]],
];

async function serveApi(
  folder: string,
  forge: ForgeServer,
  url: URL,
  request: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  let text = '';
  for await (const part of request) text += part;
  const [, version, place = ''] = /^\/api\/(v[34])(\/.*)$/.exec(url.pathname) ?? [];
  forge.asked.push(`${request.method} ${place}`);
  const pattern = version === 'v3' ? /^\/repos\/([^/]+\/[^/]+)(.*)$/ : /^\/projects\/([^/]+)(.*)$/;
  const [, name = '', rest = ''] = pattern.exec(place) ?? [];
  const repo = decodeURIComponent(name);
  const git = path.join(folder, `${repo}.git`);
  forge.requests[repo] ??= [];
  const kept = forge.requests[repo];
  const number = /^\/\w+\/(\d+)/.exec(rest)?.[1];
  const question: Question = {
    ...{
      forge,
      repo,
      kept,
      query: url.searchParams,
      number: Number(number),
      one: kept.find((one) => String(one.number) === number),
    },
    body: text === '' ? {} : JSON.parse(text),
    tipOf: (branch) => tryTip(git, branch),
  };
  const hasToken = request.headers.authorization !== undefined || request.headers['private-token'] !== undefined;
  const route = (version === 'v3' ? GITHUB : GITLAB).find(
    ([method, at]) => method.test(request.method ?? '') && at.test(rest),
  );
  const reply = (): Answer => {
    if (!hasToken) return [401, { message: 'Bad credentials' }];
    return route && existsSync(git) ? route[2](question) : [404, { message: 'Not Found' }];
  };
  const [status, value] = reply();
  answer.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

/** GitHub is asked for an owner's branch, GitLab for a branch of that name, whoever has it. */
function list({ kept, query }: Question, key: 'head' | 'source_branch'): KeptRequest[] {
  const branch = query.get(key)?.split(':').pop();
  const isAnyones = key === 'source_branch';
  return kept.filter((one) => one.branch === branch && (isAnyones || !one.isForked)).reverse();
}

type Show = (question: Question, one: KeptRequest) => object;

function make(question: Question, wish: Wish, show: Show): Answer {
  const { kept, forge, tipOf } = question;
  const { branch = '', base = '', title = '', body = '', draft = false } = wish;
  const missing = [branch, base].find((ref) => tipOf(ref) === '');
  const isThere = kept.some((one) => one.state === 'open' && one.branch === branch);
  const refused = forge.refusal ?? (isThere ? `one for ${branch} already exists` : missing && `there is no ${missing}`);
  forge.refusal = undefined;
  if (refused !== undefined) return [422, { message: 'Validation Failed', errors: [{ message: refused }] }];
  const one: KeptRequest = { branch, base, title, body, draft, number: kept.length + 1, state: 'open' };
  kept.push(one);
  return [201, show(question, one)];
}

/** GitHub says of a pull request too that it is an issue. */
function findIssue({ forge, repo, number }: Question, id: string, text: string, url: string): Answer {
  const one = forge.issues[repo]?.find((issue) => issue.number === number);
  const isGithub = id === 'number';
  if (forge.noIssues.includes(repo)) return [isGithub ? 410 : 404, { message: 'Issues are disabled for this repo' }];
  // GitHub redirects to the new one, and its program follows.
  if (one?.movedTo !== undefined && isGithub)
    return [
      200,
      {
        [id]: one.movedTo,
        title: one.title,
        [text]: one.body,
        [url]: `https://${forge.host}/acme/else/issues/${one.movedTo}`,
      },
    ];
  if (!one) return [404, { message: 'Not Found' }];
  const at = `https://${forge.host}/${repo}/issues/${number}`;
  const marked = one.isRequest ? { pull_request: {} } : {};
  return [
    200,
    { [id]: number, title: one.title, [text]: one.body, [url]: at, ...marked, moved_to_id: one.movedTo ?? null },
  ];
}

function change(question: Question, wish: Wish, show: Show): Answer {
  const { one } = question;
  return one ? [200, show(question, Object.assign(one, wish))] : [404, { message: 'Not Found' }];
}

function listFailed({ checks }: ForgeServer): string[] {
  return Object.keys(checks).filter((name) => checks[name] === 'failure');
}

function showRun([name, conclusion]: [string, string | null]): object {
  return { name, conclusion, status: conclusion === null ? 'in_progress' : 'completed' };
}

function tryTip(git: string, branch: string): string {
  try {
    return execFileSync('git', ['-C', git, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}`], {
      encoding: 'utf8',
    }).trim();
  } catch {
    return '';
  }
}

function pipelineOf({ checks }: ForgeServer): object | null {
  const ends = Object.values(checks);
  if (ends.length === 0) return null;
  const isRunning = ends.includes(null);
  return { id: 5, status: ends.includes('failure') ? 'failed' : isRunning ? 'running' : 'success' };
}

function showPull({ forge, repo, tipOf }: Question, one: KeptRequest): object {
  const { number, title, body, draft, state, base, branch } = one;
  return {
    ...{ number, title, body, draft, state: state === 'open' ? 'open' : 'closed', base: { ref: base } },
    ...{ html_url: `https://${forge.host}/${repo}/pull/${number}`, head: { sha: tipOf(branch) } },
    merged_at: state === 'merged' ? '2026-01-01T00:00:00Z' : null,
  };
}

function showMerge({ forge, repo, tipOf }: Question, one: KeptRequest): object {
  const { number, title, body, state, base, branch, isForked } = one;
  return {
    ...{ iid: number, title, description: body, draft: title.startsWith('Draft: '), target_branch: base },
    ...{
      web_url: `https://${forge.host}/${repo}/-/merge_requests/${number}`,
      sha: tipOf(branch),
      source_project_id: isForked ? 2 : 1,
      target_project_id: 1,
    },
    ...{ state: state === 'open' ? 'opened' : state, head_pipeline: pipelineOf(forge) },
  };
}

interface Wish {
  branch?: string | undefined;
  base?: string | undefined;
  title?: string | undefined;
  body?: string | undefined;
  draft?: boolean | undefined;
}

function readPull({ head, base, title, body, draft }: Record<string, never>): Wish {
  return dropUndefined({ branch: head, base, title, body, draft });
}

function readMerge({ source_branch, target_branch, title, description }: Record<string, never>): Wish {
  return dropUndefined({ branch: source_branch, base: target_branch, title, body: description });
}

function dropUndefined(wish: Wish): Wish {
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
}
