import type { ChangedRepo, TicketChange } from '../../orchestrator/change/result.ts';
import { createStyle } from '../../ui/style.ts';
import { wrapBehind, wrapText } from '../../ui/wrap.ts';
import type { RenderOptions } from './verb.ts';

/** What is told of one repo: a line, and more below it. */
export interface Block {
  line: string;
  more: string[];
}

const DONE: readonly ChangedRepo['result'][] = ['committed', 'pushed', 'created', 'updated', 'merged'];
const BAD: readonly ChangedRepo['result'][] = ['refused', 'failed', 'conflict'];

/** Returns a block a repo and, below all, the verdict for the ticket. */
export function renderChange<Repo extends ChangedRepo>(
  { ticket, repos }: TicketChange<Repo>,
  describe: (repo: Repo) => Block,
  verdict: string,
  { color, columns }: RenderOptions,
): string {
  const style = createStyle(color);
  const width = Math.max(...Object.keys(repos).map((repo) => repo.length)) + 2;
  const blocks = Object.entries(repos).map(([repo, one]) => {
    const { line, more } = describe(one);
    const isBad = BAD.includes(one.result);
    const paint = isBad ? style.bad : DONE.includes(one.result) ? style.good : style.dim;
    return renderBlock(repo, { line: paint(line), more }, { width, columns });
  });
  return [...blocks, '', wrapText(`${ticket}: ${verdict}`, columns, 2)].join('\n');
}

/** Returns what is told of one repo behind its name, in lines of so many columns; what a program said stays as it is. */
export function renderBlock(
  repo: string,
  { line, more }: Block,
  { width, columns }: { width: number; columns: number | undefined },
): string {
  const below = more.map((text) => wrapBehind('', width, text, text.startsWith('| ') ? undefined : columns));
  return [wrapBehind(repo, width, line, columns), ...below].join('\n');
}

/** Returns why a repo's change was not made, with what its programs said. */
export function describeRefusal({ result, reason, hint, said = [] }: ChangedRepo): Block {
  const headline = said.length === 1 && reason?.includes(said[0] ?? '') ? [] : said.map((line) => `| ${line}`);
  return {
    line: `${result}: ${reason ?? 'it says no more'}`,
    more: [...headline, ...(hint === undefined ? [] : [hint])],
  };
}

/** Returns `1 file`, `3 files`; of a noun that takes no `s` its plural is said. */
export function countOf(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** Returns `api` or `api, front`: the repos of which something came. */
export function listWith<Repo extends ChangedRepo>(
  repos: Record<string, Repo>,
  ...results: ChangedRepo['result'][]
): string[] {
  return Object.entries(repos).flatMap(([repo, { result }]) => (results.includes(result) ? [repo] : []));
}
