import { createHash } from 'node:crypto';
import { inCode, inFence, marksOnly } from './markdown.ts';
import { quoteForShell } from './shell.ts';
import { type Part, splitLines, splitParts } from './text-block.ts';

/** What is told of a repo that the ticket has its own copy of. */
interface BriefRepo {
  name: string;
  /** Its worktree, relative to the ticket's folder. */
  folder: string;
  branch: string;
  base: string;
  /** Where `stack push` goes; undefined: it has no remote. */
  remote: string | undefined;
  /** Hooks of git that a commit or push runs. */
  hooks: readonly string[];
}

interface BriefService {
  name: string;
  repo: string;
  url: string | undefined;
  /** Ports beside the first. */
  ports: Readonly<Record<string, number>>;
  /** True: it is the baseline's. */
  borrowed: boolean;
}

interface BriefShared {
  name: string;
  /** As this machine reaches it, without a password. */
  url: string;
  /** True: the ticket has it, or a part of it, for itself. */
  own: boolean;
}

/** All that an agent in a ticket is told. Texts are as people wrote them. */
export interface Brief {
  ticket: string;
  stack: string;
  /** What is to be done; the beginning where `taskFile` has the whole. */
  task: string | undefined;
  /** Relative to the ticket's folder. */
  taskFile: string | undefined;
  issue: string | undefined;
  repos: readonly BriefRepo[];
  /** Repos it borrows, with the absolute path of the checkout that they run from. */
  borrowed: readonly { name: string; path: string | undefined }[];
  services: readonly BriefService[];
  shared: readonly BriefShared[];
  /** True: `stack db` has a database to lead to. */
  hasDatabase: boolean;
  /** Relative to the ticket's folder. */
  documents: readonly string[];
  /** Commands that run tests, by what they test. */
  tests: readonly { of: string; command: string }[];
  conventions: string | undefined;
  /** The shell line that `stack merge` runs. */
  verify: string | undefined;
}

/** How all lines begin that mark what stack writes in `TICKET.md`. No text between them holds it. */
const MARK = '<!-- stack:';
const MARKS = { begin: `${MARK} begin`, end: `${MARK} end` };
const HASH_LETTERS = 12;
const END_LINE = `${MARKS.end} -->`;
const KEPT_LINE = 'Somebody wrote this into the part above, which stack has written again:';

/** The line that begins a block tells what stack wrote into it, by a hash: where that differs, somebody has written there. */
function beginLine(inner: string): string {
  const hash = createHash('sha256').update(inner).digest('hex').slice(0, HASH_LETTERS);
  return `${MARKS.begin} ${hash}. This part is written again; what you add belongs below the line that ends it -->`;
}

/**
 * Returns the text of `TICKET.md` with `block` in place of the one it had, else above all. What people wrote stays as it is, but for
 * what they wrote into the block, which comes below it.
 */
export function mergeBrief(fileText: string, block: string): string {
  const parts = splitParts(endBlocks(fileText), MARKS);
  const first = parts.findIndex(({ ours }) => ours);
  const texts = parts.map((part, index) => {
    if (!part.ours) return part.lines.join('');
    return (index === first ? block : '') + (isAsWritten(part) ? '' : renderKept(part, block));
  });
  const rest = texts.join('');
  return first < 0 ? block + (rest === '' ? '' : `\n${rest}`) : rest;
}

/** True where a file holds nothing but what stack wrote: no person has written anything of their own into it. */
export function holdsBriefAlone(text: string): boolean {
  return splitParts(endBlocks(text), MARKS).every((part) =>
    part.ours ? isAsWritten(part) : part.lines.join('').trim() === '',
  );
}

/** Returns a text in which a block whose end mark somebody has deleted ends where its hash says so, else before the next, or with the text. */
function endBlocks(text: string): string {
  const lines = splitLines(text);
  const ended = lines.flatMap((line, at) => {
    if (!line.startsWith(MARKS.begin)) return [];
    const next = lines.findIndex((other, index) => index > at && other.startsWith(MARK));
    if (next >= 0 && lines[next]?.startsWith(MARKS.end)) return [];
    return [findEnd(lines.slice(0, next < 0 ? undefined : next), at)];
  });
  for (const end of ended.reverse()) {
    if (end > 0 && !lines[end - 1]?.endsWith('\n')) lines[end - 1] += '\n';
    lines.splice(end, 0, `${END_LINE}\n`);
  }
  return lines.join('');
}

function findEnd(lines: readonly string[], begin: number): number {
  const hash = createHash('sha256');
  const told = withoutCr(lines[begin] ?? '').slice(MARKS.begin.length + 1, MARKS.begin.length + 1 + HASH_LETTERS);
  const end = lines.findIndex((line, at) => {
    if (at <= begin) return false;
    hash.update(withoutCr(line));
    return hash.copy().digest('hex').startsWith(told);
  });
  return end < 0 || told.length < HASH_LETTERS ? lines.length : end + 1;
}

/** An editor may have made all line ends CRLF. */
function isAsWritten({ lines }: Part): boolean {
  const [begin = '', ...inner] = lines.slice(0, -1).map(withoutCr);
  return begin === `${beginLine(inner.join(''))}\n`;
}

/** Returns what a block that somebody changed has between its first and its last line that the new one has not; '' for nothing. */
function renderKept({ lines }: Part, block: string): string {
  const old = lines.slice(1, -1);
  const now = splitLines(block).slice(1, -1);
  const isSame = (line: string | undefined, other: string | undefined): boolean =>
    line !== undefined && other !== undefined && withoutCr(line) === other;
  let from = 0;
  while (isSame(old[from], now[from])) from++;
  let rest = 0;
  while (rest < Math.min(old.length, now.length) - from && isSame(old.at(-1 - rest), now.at(-1 - rest))) rest++;
  const kept = old.slice(from, old.length - rest).join('');
  return kept.trim() === '' ? '' : `\n${KEPT_LINE}\n\n${kept}`;
}

function withoutCr(line: string): string {
  return line.replace(/\r\n$/, '\n');
}

/** Longer ones are in a file of their own: an agent's context is small, and so is the state. */
const LONGEST_TASK = 4000;

/** What stands in a file that some agents read first, and that leads to `TICKET.md`. */
export const BRIEF_POINTER = 'Read TICKET.md, which is beside this file, first.\n';

/** The names of such files. */
export const POINTER_NAMES = ['AGENTS.md', 'CLAUDE.md'];

/** True where such a file is as stack made it, or was about to be, but for how its line ends. */
export function isBriefPointer(text: string): boolean {
  return ['', BRIEF_POINTER.trimEnd()].includes(text.replace(/\r?\n$/, ''));
}

/** True for a task that can stand in `TICKET.md` to the letter; another one is kept in a file. */
export function fitsBrief(task: string): boolean {
  return task.length <= LONGEST_TASK && !task.includes(MARK) && marksOnly(task) === task;
}

/** Returns the block of `TICKET.md`, marks included: Markdown that is as short as it can be, in which each command works as it stands. */
export function renderBrief(brief: Brief): string {
  const sections = [
    renderHead(brief),
    renderTask(brief),
    renderRepos(brief),
    renderPlaces(brief),
    renderCommands(brief),
    renderChecks(brief),
    renderDocuments(brief),
    brief.conventions === undefined ? [] : ['## Conventions', '', marksOnly(brief.conventions).trim()],
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
  // Whatever somebody has in a text ends no block of ours.
  const safe = text.replaceAll(MARK, MARK.replace(':', ' :'));
  const inner = `${safe}\n`;
  return `${beginLine(inner)}\n${inner}${END_LINE}\n`;
}

function renderHead({ ticket, stack }: Brief): string[] {
  return [
    `# ${ticket}`,
    '',
    `This folder is a ticket of ${inCode(stack)}: its own branches, services and ports. Change files below this folder alone.`,
  ];
}

function renderTask({ task, taskFile, issue }: Brief): string[] {
  if (task === undefined && issue === undefined) return [];
  const from = issue === undefined ? [] : ['', `It is from ${marksOnly(issue)}.`];
  if (taskFile !== undefined)
    return ['## Task', ...from, '', `${inCode(taskFile)} has the whole of it. It begins:`, '', inFence(task ?? '')];
  return ['## Task', ...from, ...(task === undefined ? [] : ['', inFence(task)])];
}

function renderRepos({ repos, borrowed, ticket }: Brief): string[] {
  const own = repos.map(({ name, folder, branch, base, remote }) => {
    const push = remote === undefined ? 'no remote' : `pushes go to ${inCode(branch)} at ${inCode(remote)}`;
    return `- ${name}: ${inCode(`${folder}/`)}, branch ${inCode(branch)} from ${inCode(base)}, ${push}`;
  });
  const shared = borrowed.map(({ name, path }) => {
    const where = path === undefined ? '' : ` It runs from ${inCode(path)}.`;
    return `- ${name}: shared with all tickets, not to be changed.${where} \`stack add ${ticket} ${name}\` makes a copy for this ticket.`;
  });
  return ['## Repos', '', ...own, ...shared];
}

function renderPlaces({ services, shared }: Brief): string[] {
  const own = services.map(({ name, repo, url, ports, borrowed }) => {
    const more = Object.entries(ports).map(([key, port]) => `${key} ${port}`);
    const whose = borrowed ? 'shared with all tickets' : `from ${repo}`;
    return `- ${name}: ${[url ?? 'no port', ...more].join(', ')}, ${whose}`;
  });
  const data = shared.map(({ name, url, own }) => {
    const whose = own ? "this ticket's own" : 'shared with all tickets: do not migrate, empty or drop what is in there';
    return `- ${name}: ${url}, ${whose}`;
  });
  return own.length + data.length === 0 ? [] : ['## What runs', '', ...own, ...data];
}

function renderCommands(brief: Brief): string[] {
  const { ticket, services, tests, hasDatabase } = brief;
  const own = services.filter(({ borrowed }) => !borrowed);
  const [first] = own;
  const one = first?.name;
  const names = own.map(({ name }) => name).join(', ');
  const other = own.length > 1 ? ` (or ${names.slice(names.indexOf(',') + 2)})` : '';
  return [
    '## Commands',
    '',
    `- what runs, and what is wrong: \`stack show ${ticket}\``,
    ...(one === undefined
      ? []
      : [
          `- run it, also after a change of stack.yml: \`stack start ${ticket}\``,
          `- restart a service: \`stack restart ${ticket} ${one}\`${other}`,
          `- its log: \`stack logs ${ticket} ${one}\`; of all: \`stack logs ${ticket}\``,
          `- a command beside it, in its folder with its variables: \`stack exec ${ticket} ${one} -- env\``,
        ]),
    ...tests.map(({ of, command }) => `- test ${of}: ${inCode(command)}`),
    ...(hasDatabase ? [`- SQL: \`stack db ${ticket} shell -- -c 'SELECT 1'\``] : []),
    `- is it wired right: \`stack check ${ticket}\``,
    `- what you changed: \`stack diff ${ticket}\`, \`stack status ${ticket}\``,
    `- commit, in all repos or none; \`git add\` new files first: \`stack commit ${ticket} -a -m "What it does"\``,
    `- get what is new in the bases: \`stack sync ${ticket}\``,
    ...renderPushes(brief),
    `- tell the person something, or ask: \`stack note --status waiting "Which of the two?"\``,
  ];
}

/** All go together or none does: beside a repo without a remote the others are pushed by git alone. */
function renderPushes({ ticket, repos }: Brief): string[] {
  const pushed = repos.filter(({ remote }) => remote !== undefined);
  if (pushed.length === 0) return [];
  if (pushed.length === repos.length)
    return [`- push, each branch to its own name and never a base: \`stack push ${ticket}\``];
  return pushed.map(({ name, folder }) => `- push ${name}: ${inCode(`git -C ${quoteForShell(folder)} push`)}`);
}

function renderChecks({ repos, verify }: Brief): string[] {
  const hooks = repos.flatMap(({ name, hooks }) =>
    hooks.length > 0 ? [`- hooks of ${name} run by themselves: ${hooks.join(', ')}; do not skip them`] : [],
  );
  const line = verify === undefined ? [] : ['- in this folder; `stack merge` runs it too:', '', inFence(verify, 'sh')];
  return hooks.length + line.length === 0 ? [] : ['## Before a commit these pass', '', ...hooks, ...line];
}

function renderDocuments({ documents }: Brief): string[] {
  if (documents.length === 0) return [];
  return ['## Read first', '', ...documents.map((file) => `- ${inCode(file)}`)];
}
