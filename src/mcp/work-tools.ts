import { riskError, type TicketRisk } from '../orchestrator/safety/risks.ts';
import { each, flags, kind, may, must, oneOf, out, type Tool, valued } from './tool.ts';

const CHANGED = { ticket: out.text, repos: out.map };
const STEPS = ['resolve', 'continue', 'abort'];
const MERGE_WAYS = ['no-ff', 'squash', 'rebase'];

/** Tools about a ticket's work: how it stands, and what becomes of it. */
export const WORK_TOOLS: readonly Tool[] = [
  {
    verb: 'status',
    description: 'Tell how the work of tickets stands in all their repos: commits, changes, base, pushed, merged.',
    tickets: 'several',
    readOnly: true,
    input: {},
    output: { tickets: out.rows },
    line: (_, tickets) => ({ words: tickets }),
  },
  {
    verb: 'diff',
    description:
      'List the files that a ticket has changed in each repo since its base, what is not committed included.',
    tickets: 'one',
    readOnly: true,
    input: {
      repos: may(kind.names, 'These repos alone'),
      committed: may(kind.flag, 'Leave out what is not committed'),
    },
    output: CHANGED,
    line: ({ repos, committed }, tickets) => ({
      words: [...each('repo', repos), ...flags({ committed }), ...tickets],
    }),
  },
  {
    verb: 'conflicts',
    description: 'Tell which tickets collide, before anybody merges: conflicts, the same files, lockfiles, migrations.',
    tickets: 'optional',
    reachesOthers: true,
    readOnly: true,
    input: {},
    output: { pairs: out.rows },
    line: (_, tickets) => ({ words: tickets }),
  },
  {
    verb: 'sync',
    description:
      'Fetch, and bring what is new in the bases into a ticket’s branches, in all repos or in none. Where it conflicts nothing moves: call again with step: resolve, mend the files, then step: continue.',
    tickets: 'one',
    input: {
      way: may(oneOf(['rebase', 'merge']), 'Default: rebase while nothing is pushed, else merge'),
      step: may(oneOf(STEPS), 'resolve: make the conflicts in the worktrees; continue: go on; abort: put all back'),
      setup: may(kind.flag, 'Then run what changed lockfiles and migrations ask for'),
      dry_run: may(kind.flag, 'Tell what would come and what would conflict; move nothing'),
    },
    unbound: { onto: may(kind.ticket, 'Stand on the branches of this other ticket') },
    output: CHANGED,
    line: ({ way, step, setup, dry_run, onto }, tickets) => ({
      words: [
        ...flagOf(way),
        ...flagOf(step),
        ...flags({ setup, 'dry-run': dry_run }),
        ...valued('onto', onto),
        ...tickets,
      ],
    }),
  },
  {
    verb: 'commit',
    description:
      'Commit in all repos of a ticket or in none: what is staged, or with all: every changed file git knows.',
    tickets: 'one',
    input: {
      message: must(kind.text, 'The message'),
      all: may(kind.flag, 'All changed files that git knows; new files need `git add`'),
    },
    output: CHANGED,
    line: ({ message, all }, tickets) => ({ words: [...valued('message', message), ...flags({ all }), ...tickets] }),
  },
  {
    verb: 'push',
    description: 'Push a ticket’s branches, each to its own name alone.',
    tickets: 'one',
    input: { dry_run: may(kind.flag, 'Ask the remotes; push nothing') },
    output: CHANGED,
    line: ({ dry_run }, tickets) => ({ words: [...flags({ 'dry-run': dry_run }), ...tickets] }),
  },
  {
    verb: 'pr',
    description:
      'Push a ticket and make its pull requests, or update them; with status: tell their checks and reviews.',
    tickets: 'one',
    input: {
      status: may(kind.flag, 'Tell how their checks and reviews stand; change nothing'),
      title: may(kind.text, 'The title; default: the subject of the first commit'),
      body: may(kind.text, 'The text; default: the commits'),
      draft: may(kind.flag, 'New ones are drafts'),
      dry_run: may(kind.flag, 'Say what would be made; push nothing'),
    },
    output: CHANGED,
    line: ({ status, title, body, draft, dry_run }, tickets) => ({
      words: [
        ...[...valued('title', title), ...valued('body', body), ...flags({ draft, 'dry-run': dry_run })],
        ...[...tickets, ...(status ? ['status'] : [])],
      ],
    }),
  },
  {
    verb: 'queue',
    description:
      'The merge queue. add: put tickets into it; list: show it; run: merge what is in it one after the other, each once it passes on top of those before.',
    tickets: 'none',
    reachesOthers: true,
    input: {
      action: must(oneOf(['add', 'list', 'run']), 'What is done'),
      tickets: may(kind.tickets, 'add: the tickets'),
      after: may(kind.tickets, 'add: not before these are merged'),
    },
    output: { queue: out.rows },
    line: ({ action, tickets = [], after }) => ({ words: [...each('after', after), action, ...tickets] }),
  },
  {
    verb: 'merge',
    description: 'Merge tickets into their bases here, in all repos or in none. A person is asked first.',
    tickets: 'several',
    destructive: true,
    input: {
      way: may(oneOf(MERGE_WAYS), 'no-ff: with a merge commit, the default; squash: as one commit; rebase'),
      message: may(kind.text, 'Message of the merge or the squashed commit'),
    },
    output: { tickets: out.maybe, repos: out.map },
    line: ({ way, message }, tickets) => ({ words: [...flagOf(way), ...valued('message', message), ...tickets] }),
    asks: {
      first: ['--dry-run'],
      yes: [],
      // What would not go through needs no person.
      question: ({ exitCode, document }, tickets, { way = 'no-ff' }) =>
        exitCode === 0 && document
          ? `Merge ${tickets.join(', ')} into ${describeBases(document)} (${way})?`
          : undefined,
    },
  },
  {
    verb: 'destroy',
    description:
      'Remove tickets and everything that was made for them. Refuses where work would be lost. A person is asked first.',
    tickets: 'several',
    destructive: true,
    input: { keep_branch: may(kind.flag, 'Keep the branches') },
    output: { destroyed: out.rows },
    line: ({ keep_branch }, tickets) => ({ words: [...flags({ 'keep-branch': keep_branch }), ...tickets] }),
    asks: {
      first: ['--dry-run'],
      yes: [],
      question({ document }, tickets) {
        if (!document) return undefined;
        const { risks, planned } = document as { risks: TicketRisk[]; planned: { steps: unknown[] }[] };
        if (risks.length > 0) throw riskError(risks);
        const count = planned.reduce((sum, { steps }) => sum + steps.length, 0);
        return `Destroy ${tickets.join(', ')}: ${count} things go, such as worktrees, branches and data. No work would be lost.`;
      },
    },
  },
];

function flagOf(word: string | undefined): string[] {
  return word === undefined ? [] : [`--${word}`];
}

function describeBases({ repos }: Record<string, unknown>): string {
  const bases = Object.entries(repos as Record<string, { base?: string }>).map(([repo, { base }]) =>
    base === undefined ? repo : `${base} of ${repo}`,
  );
  return bases.join(', ');
}
