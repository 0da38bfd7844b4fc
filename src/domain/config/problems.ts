import { StackError } from '../errors.ts';
import { type ConfigSource, findPlace, type KeyPath, type Place, renderPlace } from './place.ts';

/** One thing that is wrong with a config file. */
interface ConfigProblem extends Place {
  /** Where in the config: `services.api.ports.http`. */
  path: string;
  message: string;
  hint?: string;
}

/** What a check finds wrong: the path, one line, and what would do. */
export interface Finding {
  path: KeyPath;
  message: string;
  hint?: string | undefined;
  /** Point at the key rather than at its value. */
  at?: 'key' | 'value';
  /** The path to name in place of `path`: of the map, where the message names the key. */
  shown?: KeyPath;
}

function locateFinding(sources: readonly ConfigSource[], finding: Finding): ConfigProblem {
  return {
    ...findPlace(sources, finding.path, finding.at),
    path: renderPath(finding.shown ?? finding.path),
    message: finding.message,
    ...(finding.hint !== undefined && { hint: finding.hint }),
  };
}

/** Throws `config` when there are findings: the first in the files is the headline, the others are its lines. */
export function refuseFindings(sources: readonly ConfigSource[], findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  const order = sources.map((source) => source.file.path);
  const problems = findings
    .map((finding) => locateFinding(sources, finding))
    .sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line || a.column - b.column);
  const [first, ...others] = problems as [ConfigProblem, ...ConfigProblem[]];
  throw new StackError('config', renderProblem(first), {
    ...(first.hint !== undefined && { hint: first.hint }),
    lines: renderOthers(others, first.hint),
    details: { problems },
  });
}

/** A hint is long and often the same: each is told once. */
function renderOthers(problems: readonly ConfigProblem[], shown: string | undefined): string[] {
  const told = new Set([undefined, shown]);
  return problems.map((problem) => {
    const hint = told.has(problem.hint) ? '' : ` (${problem.hint})`;
    told.add(problem.hint);
    return renderProblem(problem) + hint;
  });
}

function renderProblem(problem: ConfigProblem): string {
  return `${renderPlace(problem)}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
}

/** `repos.front.copy[0]` */
function renderPath(path: KeyPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part}`))
    .join('');
}
