/** The two kinds of forges that are known here. */
export type ForgeKind = 'github' | 'gitlab';

/** Where a forge keeps a repo. */
export interface ForgePlace {
  /** With its port, where the address has one of its own: `git.example.com:8443`. */
  host: string;
  /** `owner/name`; of GitLab with all groups. */
  path: string;
}

/** A pull request of GitHub, or a merge request of GitLab. */
export interface PullRequest {
  number: number;
  url: string;
  title: string;
  body: string;
  state: 'open' | 'merged' | 'closed';
  draft: boolean;
  /** The branch that it is to be merged into. */
  base: string;
  /** Full id of the commit that it ends with. */
  head: string;
}

/** An issue of GitHub or GitLab, as far as a ticket takes it for its task. */
export interface ForgeIssue {
  number: number;
  /** Of another repo, or with another number, where it has moved. */
  url: string;
  title: string;
  body: string;
  /** True: another one has come in its place, which the forge does not name. */
  isLeft?: boolean;
}

/** What a pull request is made of. */
interface PullRequestWish {
  /** The branch with the work. */
  branch: string;
  base: string;
  title: string;
  body: string;
  draft: boolean;
}

/** What may be changed of a pull request. */
export type PullRequestChange = Partial<Pick<PullRequestWish, 'title' | 'body' | 'base'>>;

/** What is said of a pull request by those who look at it. */
export interface Verdicts {
  checks: 'passed' | 'failed' | 'running' | 'none';
  /** Names of the checks that failed. */
  failed: string[];
  review: 'approved' | 'changes-requested' | 'commented' | 'none';
}

/** Where requests of one branch go: from one repo of a forge into the same, or into the one that it was forked from. */
export interface ForgeRoute {
  /** The repo that has the branch. */
  from: ForgePlace;
  /** The repo that has the base. */
  to: ForgePlace;
}

/** What a forge does for one repo, through its own program. All throw `process` and `interrupted`. */
export interface Forge {
  /** Returns the open request of a branch, else the newest that there was; undefined for none. */
  find(branch: string): Promise<PullRequest | undefined>;
  create(wish: PullRequestWish): Promise<PullRequest>;
  /** Changes what is given, and leaves the rest as it is. */
  update(request: PullRequest, change: PullRequestChange): Promise<PullRequest>;
  /** Returns an issue of the repo that has the base; undefined where it has none of that number. */
  findIssue(number: number): Promise<ForgeIssue | undefined>;
  judge(request: PullRequest): Promise<Verdicts>;
}

/** Where a remote's repo is kept, and whether git gets there by SSH: then the host may be an alias of the person's own. */
export type RemotePlace = ForgePlace & { bySsh: boolean };

/**
 * Returns where the repo of a remote is kept; undefined for an address that is no forge's: a folder, a bundle. SSH may listen
 * elsewhere than the web, so its port is left out.
 */
export function parseRemoteUrl(text: string): RemotePlace | undefined {
  const short = /^(?:[^@/:\s]+@)?([^/:\s]+):(?!\/\/)(.+)$/.exec(text);
  if (short && !/^[a-zA-Z]$/.test(short[1] ?? '')) return withWay(placeOf(short[1] ?? '', short[2] ?? ''), true);
  const url = /^(?:https?|ssh|git|git\+ssh):\/\//.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return undefined;
  const place = placeOf(url.protocol.startsWith('http') ? url.host : url.hostname, url.pathname);
  return withWay(place, url.protocol.includes('ssh'));
}

function withWay(place: ForgePlace | undefined, bySsh: boolean): RemotePlace | undefined {
  return place && { ...place, bySsh };
}

function placeOf(host: string, name: string): ForgePlace | undefined {
  const path = name
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
  return host !== '' && path.includes('/') ? { host: host.toLowerCase(), path } : undefined;
}

/** Returns the page on which a person makes the request by hand. */
export function compareUrl(kind: ForgeKind, { host, path }: ForgePlace, base: string, branch: string): string {
  const at = `https://${host}/${path}`;
  if (kind === 'github') {
    const [from, to] = [base, branch].map((name) => name.split('/').map(encodeURIComponent).join('/'));
    return `${at}/compare/${from}...${to}?expand=1`;
  }
  const query = new URLSearchParams({
    'merge_request[source_branch]': branch,
    'merge_request[target_branch]': base,
  });
  return `${at}/-/merge_requests/new?${query}`;
}

/** Marks what stack writes into a text that people write in too. */
const [BEGIN, END] = ['<!-- stack: begin -->', '<!-- stack: end -->'];
const BLOCK = new RegExp(`\\n*${BEGIN}[^]*?${END}`);

/** Returns a text whose part that stack writes is this, at its end where it had none; '' leaves none. */
export function replaceBlock(text: string, block: string): string {
  const marked = block === '' ? '' : `\n\n${BEGIN}\n${block}\n${END}`;
  // A forge may give line ends back as a form of the web sends them.
  const plain = text.replaceAll('\r\n', '\n');
  const replaced = BLOCK.test(plain) ? plain.replace(BLOCK, () => marked) : `${plain.trimEnd()}${marked}`;
  return replaced.replace(/^\n+/, '');
}

/** Returns the line that closes an issue once a request of this repo is merged (both forges read it); '' where it cannot. */
export function describeClosing({ host, path, number }: ForgePlace & { number: number }, own: ForgePlace): string {
  if (host !== own.host) return '';
  return `Closes ${path === own.path ? '' : path}#${number}`;
}

/** One request of a ticket, as its sisters name it. */
export interface Sister {
  repo: string;
  url: string;
}

/**
 * Returns what links the requests of one ticket: all of them in the order in which they are to be merged, and those before this one
 * as footers that a gate across repos reads (Zuul's `Depends-On:`). '' where there is one alone.
 */
export function describeSisters(ticket: string, sisters: readonly Sister[], own: string): string {
  if (sisters.length < 2) return '';
  const index = sisters.findIndex(({ repo }) => repo === own);
  const list = sisters.map(({ repo, url }, at) => `${at + 1}. ${repo}: ${url}${repo === own ? ' (this one)' : ''}`);
  const footers = sisters.slice(0, Math.max(index, 0)).map(({ url }) => `Depends-On: ${url}`);
  return [
    `Part of \`${ticket}\`, to be merged in this order:`,
    '',
    ...list,
    ...(footers.length > 0 ? ['', ...footers] : []),
  ].join('\n');
}
