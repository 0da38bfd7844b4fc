import {
  isDirty,
  isSeen,
  judgeStanding,
  type RepoStanding,
  type TicketStanding,
  type UnseenRepo,
  type Verdict,
} from '../../domain/standing.ts';
import { cutText, padText } from '../../ui/fit.ts';
import { cleanText } from '../../ui/safe-text.ts';
import { createStyle, type Paint, type Style } from '../../ui/style.ts';
import { renderTable } from '../../ui/table.ts';
import { wrapText } from '../../ui/wrap.ts';
import type { RenderOptions } from './verb.ts';

/** Returns a block a repo and, below, one verdict, for each ticket. */
export function renderStandings(tickets: readonly TicketStanding[], view: RenderOptions): string {
  return tickets.map((ticket) => renderTicket(ticket, view)).join('\n\n');
}

function renderTicket({ ticket, verdict, repos }: TicketStanding, { color, columns }: RenderOptions): string {
  const style = createStyle(color);
  const width = Math.max(0, ...Object.keys(repos).map((repo) => repo.length));
  const room = columns === undefined ? Number.POSITIVE_INFINITY : columns - width - 2;
  const blocks = Object.entries(repos).map(([name, repo]) => {
    const lines = describe(repo, style).flatMap(({ text, paint, isWhole }) => {
      const clean = cleanText(text);
      return (isWhole ? wrapText(clean, room, 0).split('\n') : [cutText(clean, room)]).map((line) => paint(line));
    });
    return lines.map((line, index) => `${padText(index === 0 ? name : '', width)}  ${line}`).join('\n');
  });
  const found: Partial<Record<Verdict, string[]>> = judgeStanding(repos);
  const about = found[verdict] ?? [];
  const told = `${verdict}: ${tellVerdict(verdict, repos)}${about.length > 0 && verdict !== 'merged' ? ` (${about.join(', ')})` : ''}`;
  const line = wrapText(`${ticket}: ${told}`, columns, 2);
  return [
    ...blocks,
    ...(blocks.length > 0 ? [''] : []),
    `${style.strong(ticket)}:${paintsOf(style)[verdict](line.slice(ticket.length + 1))}`,
  ].join('\n');
}

/** A worktree may count as dirty for what is under way there alone. */
function tellVerdict(verdict: Verdict, repos: TicketStanding['repos']): string {
  const seen = Object.values(repos).filter(isSeen);
  const underWay = [...new Set(seen.flatMap(({ operation }) => operation ?? []))].map((one) => `a ${one} is under way`);
  const isWork = verdict !== 'dirty' || seen.some(isDirty);
  const isUnderWay = verdict === 'dirty' || verdict === 'conflicted';
  return [...(isWork ? [SENTENCES[verdict]] : []), ...(isUnderWay ? underWay : [])].join(', and ');
}

const SENTENCES: Record<Verdict, string> = {
  broken: 'nobody can look at it',
  conflicted: 'files are in conflict',
  dirty: 'there is work that is not committed',
  unpushed: 'there are commits that no remote has',
  behind: 'its base has news',
  merged: 'all of its work is in its bases',
  clean: 'all is committed, and on top of its bases',
  creating: 'a command is making it',
  destroying: 'a command is taking it apart',
};

function paintsOf(style: Style): Record<Verdict, Paint> {
  return {
    ...{ broken: style.bad, conflicted: style.bad, dirty: style.warn, unpushed: style.warn, behind: style.warn },
    ...{ merged: style.good, clean: style.good, creating: style.warn, destroying: style.warn },
  };
}

interface Line {
  text: string;
  paint: Paint;
  /** True: wrapped where it is too long, else cut. */
  isWhole?: boolean;
}

function describe(repo: RepoStanding | UnseenRepo, style: Style): Line[] {
  if (!isSeen(repo)) return [{ text: repo.problem, paint: style.bad, isWhole: true }];
  const plain = (text: string): Line => ({ text, paint: String });
  const warn = (text: string): Line => ({ text, paint: style.warn, isWhole: true });
  const { head, upstream, baseUpstream, branch, on, base, baseRef } = repo;
  const place = on === null ? 'no branch' : on;
  return [
    plain(`${place}: ${describeDistance(repo, baseRef)}${repo.merged ? ', merged' : ''}`),
    ...(on === branch ? [] : [warn(`not on its own branch ${branch}`)]),
    ...(repo.operation === null ? [] : [warn(`a ${repo.operation} is under way`)]),
    ...(repo.hint === null ? [] : [warn(repo.hint)]),
    ...(repo.baseState === 'gone' ? [warn(`its base ${base} is gone: counted from where the ticket began`)] : []),
    ...(repo.baseState !== 'gone' && baseRef !== base
      ? [warn(`there is no branch ${base} here: ${baseRef} counts as its base`)]
      : []),
    ...(repo.baseState === 'rewritten' ? [warn(`${base} was rewritten since the ticket began`)] : []),
    ...(baseUpstream === null ? [] : [plain(`${base} itself: ${describeDistance(baseUpstream, baseUpstream.ref)}`)]),
    ...(isDirty(repo) ? [warn(listFiles(repo))] : []),
    plain(describePushed(repo, upstream)),
    ...repo.notes.map(warn),
    ...(head === null
      ? []
      : [{ text: `${head.commit.slice(0, 7)} ${head.at.slice(0, 10)} ${head.subject}`, paint: style.dim }]),
  ];
}

function describeDistance({ ahead, behind }: { ahead: number; behind: number }, ref: string): string {
  if (ahead + behind === 0) return `level with ${ref}`;
  const told = [...(ahead > 0 ? [`${ahead} ahead of`] : []), ...(behind > 0 ? [`${behind} behind`] : [])];
  return `${told.join(', ')} ${ref}`;
}

function listFiles({ staged, unstaged, untracked, conflicted }: RepoStanding): string {
  const parts: [number, string][] = [
    [conflicted, 'in conflict'],
    [staged, 'staged'],
    [unstaged, 'changed'],
    [untracked, 'new'],
  ];
  return parts.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : [])).join(', ');
}

function describePushed({ pushed, ahead }: RepoStanding, upstream: RepoStanding['upstream']): string {
  const there = upstream === null ? '' : `: ${describeDistance(upstream, upstream.ref)}`;
  if (ahead === 0) return `nothing of its own to push${there}`;
  return `${pushed ? 'pushed' : `not pushed`}${there}`;
}

/** Returns a line a ticket. */
export function renderStandingTable(tickets: readonly TicketStanding[], { color, columns }: RenderOptions): string {
  const style = createStyle(color);
  const names = [...new Set(tickets.flatMap(({ repos }) => Object.keys(repos)))];
  const rows = tickets.map(({ ticket, verdict, repos }) => [
    ticket,
    ...names.map((name) => (repos[name] === undefined ? '-' : summarise(repos[name]))),
    { text: verdict, paint: paintsOf(style)[verdict] },
  ]);
  return renderTable(['Ticket', ...names, 'Verdict'], rows, { color, columns, cut: true });
}

function summarise(repo: RepoStanding | UnseenRepo): string {
  if (!isSeen(repo)) return 'unknown';
  const { ahead, behind, staged, unstaged, untracked, conflicted, on, branch, operation } = repo;
  const files = staged + unstaged + untracked;
  const parts = [
    ...(on === branch ? [] : [`on ${on ?? 'no branch'}`]),
    ...(operation === null ? [] : [operation]),
    ...(conflicted > 0 ? [`${conflicted} in conflict`] : []),
    ...(files > 0 ? [`${files} changed`] : []),
    ...(ahead > 0 ? [`${ahead} ahead`] : []),
    ...(behind > 0 ? [`${behind} behind`] : []),
  ];
  return parts.length > 0 ? parts.join(', ') : '·';
}
