import picomatch from 'picomatch';
import { tryGit } from '../../adapters/git/git.ts';
import type { Plan, PlannedTicket } from '../../domain/plans/plan.ts';
import { judgeTogether, type Together } from '../../domain/plans/together.ts';
import { findOverlaps, listSideBySide } from '../../domain/plans/touches.ts';
import type { Stack } from '../core/stack.ts';

/** So many commits of a base tell what changes together. */
const COMMITS = 1000;

/** Two tickets of a plan that may be worked on side by side. */
export interface CheckedPair {
  tickets: [string, string];
  /** What both say that they touch. */
  patterns: [string, string][];
  /** How often what one touches changed in the same commits as what the other does, by repo. */
  together: Record<string, Together>;
  /** Null where one of them does not say what it touches. */
  safe: boolean | null;
}

export interface CheckedPlan {
  plan: string;
  pairs: CheckedPair[];
}

/** Returns which tickets of a plan are in each other's way, by what they touch and by what the repos' histories tell of that. Throws `git`, `config`. */
export async function checkPlan(stack: Stack, plan: Plan): Promise<CheckedPlan> {
  const overlaps = findOverlaps(plan);
  const histories = await readHistories(stack);
  const pairs = listSideBySide(plan).map(([one, other]): CheckedPair => {
    const found = overlaps.find(({ tickets: [mine, its] }) => mine === one.ticket && its === other.ticket);
    const patterns = found?.patterns ?? [];
    const together = Object.fromEntries(
      Object.entries(histories).flatMap(([repo, commits]) => {
        const judged = judgeTogether(commits, matcherOf(one, repo), matcherOf(other, repo));
        return judged.both > 0 ? [[repo, judged]] : [];
      }),
    );
    const isKnown = one.touches.length > 0 && other.touches.length > 0;
    const isApart = patterns.length === 0 && Object.values(together).every(({ usual }) => !usual);
    return { tickets: [one.ticket, other.ticket], patterns, together, safe: isKnown ? isApart : null };
  });
  return { plan: plan.name, pairs };
}

function matcherOf({ touches }: PlannedTicket, repo: string): (file: string) => boolean {
  const whole = touches.map((pattern) => (pattern.endsWith('/') ? `${pattern}**` : pattern));
  const matches = picomatch(whole, { dot: true });
  return (file) => whole.length > 0 && matches(`${repo}/${file}`);
}

/** Returns the files of each of the last commits of the bases, by repo. */
async function readHistories({ config, signal }: Stack): Promise<Record<string, string[][]>> {
  const { repos } = await config();
  const read = Object.entries(repos).map(async ([repo, { path, base }]): Promise<[string, string[][]]> => {
    const args = ['log', `-${COMMITS}`, '--no-merges', '--name-only', '-z', '--format=%x01', base ?? 'HEAD', '--'];
    const { exitCode, stdout } = await tryGit(path, args, { signal });
    const commits = exitCode === 0 ? stdout.split('\u0001') : [];
    return [
      repo,
      commits.map((files) =>
        files
          .split('\0')
          .map((file) => file.replace(/^\n/, ''))
          .filter(Boolean),
      ),
    ];
  });
  return Object.fromEntries(await Promise.all(read));
}
