import type * as z from 'zod/mini';
import { renderSuggestion, suggest } from '../suggest.ts';
import type { KeyPath } from './place.ts';
import type { Finding } from './problems.ts';
import { SIZE } from './schema.ts';
import { isPlainMap } from './source.ts';

type Issue = z.core.$ZodIssue;

/** How a value is told to a person: as written for a scalar (`findWritten`), undefined for the rest. */
type WrittenAt = (path: KeyPath) => string | undefined;

/** What was checked, and of it the paths (as JSON) that `${env.…}` filled: what those hold may be a secret, and is not told. */
interface Checked {
  data: unknown;
  filled: ReadonlySet<string>;
}

/** Returns what the schema found wrong in plain words. */
export function explainIssues(issues: readonly Issue[], { data, filled }: Checked, writtenAt: WrittenAt): Finding[] {
  const flat = issues.flatMap((issue) => pickBranch(issue));
  const misspelt = flat.filter((issue) => issue.code === 'unrecognized_keys');
  return flat.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return explainUnknownKeys(issue, data);
    if (issue.code === 'invalid_key') return [explainBadKey(issue)];
    if (isMissing(issue, data)) return isMisspelt(issue, misspelt) ? [] : [explainMissing(issue)];
    return [explainBadValue(issue, { data, filled }, writtenAt)];
  });
}

/** Where one side of a union took the value's type and refused its inside, what it says is meant. */
function pickBranch(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inside = issue.errors.find((branch) =>
    branch.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  if (!inside) return [issue];
  return inside.flatMap((inner) => pickBranch({ ...inner, path: [...issue.path, ...inner.path] }));
}

function keyPath(issue: Issue): (string | number)[] {
  return issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
}

function valueAt(data: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string | number, unknown> | null)?.[part], data);
}

function explainUnknownKeys(issue: Issue & { code: 'unrecognized_keys' }, data: unknown): Finding[] {
  const known = issue.message.split(', ');
  const path = keyPath(issue);
  const taken = Object.keys((valueAt(data, path) as object | undefined) ?? {});
  const free = known.filter((key) => !taken.includes(key));
  return issue.keys.map((key) => ({
    path: [...path, key],
    at: 'key',
    shown: path,
    message: `unknown key \`${key}\`${renderSuggestion(key, free)}`,
    hint: `known here: ${known.join(', ')}`,
  }));
}

function explainBadKey(issue: Issue & { code: 'invalid_key' }): Finding {
  const path = keyPath(issue);
  const rule = issue.issues[0]?.message ?? issue.message;
  return { path, at: 'key', shown: path.slice(0, -1), message: `\`${path.at(-1)}\` must be ${rule}` };
}

function isMissing(issue: Issue, data: unknown): boolean {
  const parent = valueAt(data, issue.path.slice(0, -1) as KeyPath);
  return issue.path.length > 0 && isPlainMap(parent) && parent[String(issue.path.at(-1))] === undefined;
}

/** `form: 3001` misses `from` and has an unknown key: that is one mistake. */
function isMisspelt(issue: Issue, misspelt: readonly (Issue & { code: 'unrecognized_keys' })[]): boolean {
  const parent = JSON.stringify(issue.path.slice(0, -1));
  const wanted = [String(issue.path.at(-1))];
  return misspelt.some(
    (other) => JSON.stringify(other.path) === parent && other.keys.some((key) => suggest(key, wanted).length > 0),
  );
}

function explainMissing(issue: Issue): Finding {
  const path = keyPath(issue);
  return { path: path.slice(0, -1), at: 'key', message: `\`${path.at(-1)}\` is missing; it must be ${issue.message}` };
}

function explainBadValue(issue: Issue, { data, filled }: Checked, writtenAt: WrittenAt): Finding {
  const path = keyPath(issue);
  const value = filled.has(JSON.stringify(path)) ? writtenAt(path) : valueAt(data, path);
  const found = `must be ${issue.message}, found ${renderFound(value, writtenAt(path))}`;
  if (issue.code === 'invalid_value') {
    return { path, message: found + renderSuggestion(String(value), issue.values.map(String)) };
  }
  return { path, message: found, hint: hintFor(issue, value, writtenAt(path)) };
}

function renderFound(value: unknown, written: string | undefined): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return `${typeof value === 'number' ? 'the number ' : ''}${written ?? String(value)}`;
}

function hintFor(issue: Issue, value: unknown, written: string | undefined): string | undefined {
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  const shown = written ?? String(value);
  if (issue.message === SIZE && /^[\d_.]+$/.test(String(value)))
    return `write it with its unit: ${sizeOf(Number(value))}`;
  if (wantsText && (typeof value === 'number' || typeof value === 'boolean')) return `put it in quotes: "${shown}"`;
  if (issue.code === 'invalid_union' && value === null) return 'write `""` for an empty text';
  if (issue.code === 'invalid_type' && issue.expected === 'array' && typeof value === 'string') {
    return `write it as a list: [${JSON.stringify(value)}]`;
  }
  return undefined;
}

/** A bare number means megabytes; one that would be too many of them, bytes. */
function sizeOf(value: number): string {
  const megabytes = value < 100_000 ? value : value / 1024 ** 2;
  return `${Math.max(1, Math.round(megabytes) || 1)}M`;
}
