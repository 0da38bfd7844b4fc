import { StackError } from '../domain/errors.ts';

export interface RepoFlags {
  from: Record<string, string>;
  on: Record<string, string>;
  /** What is left for the option parser. */
  rest: string[];
}

/**
 * Takes `--from-REPO=REF` and `--on-REPO=BRANCH` out of a command line, with `=` or a space before the value: no option
 * parser knows flags whose names stack.yml makes. Words behind `--` are left alone. Throws `usage`.
 */
export function takeRepoFlags(argv: readonly string[], names: readonly ('from' | 'on')[]): RepoFlags {
  const taken: RepoFlags = { from: {}, on: {}, rest: [] };
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const match = /^--(from|on)-([^=]+)(?:=(.*))?$/s.exec(word);
    const name = names.find((known) => known === match?.[1]);
    if (word === '--') {
      taken.rest.push(word, ...queue);
      break;
    }
    if (!match || name === undefined) {
      taken.rest.push(word);
      continue;
    }
    const repo = match[2] ?? '';
    const value = match[3] ?? takeValue(queue);
    const flag = `--${name}-${repo}`;
    if (value === undefined || value === '') {
      throw new StackError('usage', `${flag} needs a value`, { hint: `${flag}=${name === 'from' ? 'REF' : 'BRANCH'}` });
    }
    if (taken[name][repo] !== undefined) throw new StackError('usage', `${flag} is given twice`);
    taken[name][repo] = value;
  }
  return taken;
}

function takeValue(queue: string[]): string | undefined {
  return queue[0]?.startsWith('--') ? undefined : queue.shift();
}
