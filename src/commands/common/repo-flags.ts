import { StackError } from '../../domain/errors.ts';
import { suggest } from '../../domain/suggest.ts';

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
  // Without what every object has, or `--from-__proto__` would be lost.
  const taken: RepoFlags = { from: Object.create(null), on: Object.create(null), rest: [] };
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return { ...taken, rest: [...taken.rest, word, ...queue] };
    const [, kind, repo = '', given] = /^--(from|on)(?:-([^=]+))?(?:=(.*))?$/s.exec(word) ?? [];
    const name = names.find((known) => known === kind);
    if (name !== undefined && repo === '') throw namelessFlag(name);
    if (name === undefined) taken.rest.push(word);
    else takeFlag(taken[name], { flag: `--${name}-${repo}`, repo, value: given ?? takeValue(queue) });
  }
  return taken;
}

/** Returns what an unknown option was probably meant to be: `--from-front` for `--form-front`. */
export function suggestRepoFlag(
  message: string,
  flags: readonly { name: 'from' | 'on' }[] | undefined,
): string | undefined {
  const [, word = '', repo] = /^unknown option '--(\w+)-([^=']+)/.exec(message) ?? [];
  const [near] = suggest(word, flags?.map(({ name }) => name) ?? []);
  return near && `did you mean --${near}-${repo}?`;
}

function takeFlag(
  taken: Record<string, string>,
  { flag, repo, value }: { flag: string; repo: string; value: string | undefined },
): void {
  if (value === undefined || value === '') {
    throw new StackError('usage', `${flag} needs a value`, { hint: `${flag}=feat/x` });
  }
  if (Object.hasOwn(taken, repo)) {
    throw new StackError('usage', `${flag} is given twice`, { hint: 'a ticket’s copy of a repo starts at one place' });
  }
  taken[repo] = value;
}

function namelessFlag(name: 'from' | 'on'): StackError {
  return new StackError('usage', `--${name} needs the name of a repo`, {
    hint: `write --${name}-REPO=${name === 'from' ? 'REF' : 'BRANCH'}, e.g. \`--${name}-front=feat/ui\``,
  });
}

function takeValue(queue: string[]): string | undefined {
  return queue[0]?.startsWith('--') ? undefined : queue.shift();
}
