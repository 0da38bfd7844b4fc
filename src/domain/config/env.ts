import { escapeTemplate, splitTemplate, type TemplatePart } from '../template.ts';
import type { Values } from '../values.ts';
import type { KeyPath } from './place.ts';
import type { Finding } from './problems.ts';
import { isPlainMap } from './source.ts';

/**
 * How a text treats `${…}`: a template keeps other names for later, a shell line keeps them for the shell, and
 * everywhere else they are a mistake.
 */
type TextKind = 'template' | 'shell' | 'plain';

/** Config values whose `${env.…}` are filled in. */
export interface FilledData {
  data: unknown;
  /** Paths (as JSON) of the texts that held an `${env.…}`: what they hold now may be meant as a number or as true. */
  filled: Set<string>;
  findings: Finding[];
}

/** Fills in every `${env.NAME}` and `${env.NAME:-default}`, in a copy. As in a shell, the default also stands in for an empty value. */
export function fillEnvironment(data: unknown, values: Values): FilledData {
  const result: FilledData = { data: undefined, filled: new Set(), findings: [] };
  const walk = (value: unknown, path: KeyPath): unknown => {
    if (typeof value === 'string') return value.includes('${') ? fillText(value, path, values, result) : value;
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (!isPlainMap(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };
  result.data = walk(data, []);
  return result;
}

function kindOf([section, , key, inner]: KeyPath): TextKind {
  if (section === 'branch' || section === 'commit' || (section === 'shared' && inner === 'prefix')) return 'template';
  if (section === 'repos' && (key === 'setup' || key === 'migrate' || key === 'seed')) return 'shell';
  const inService = key === 'env' || key === 'command' || key === 'image' || (key === 'build' && inner === 'args');
  return section === 'services' && inService ? 'template' : 'plain';
}

function fillText(text: string, path: KeyPath, values: Values, result: FilledData): string {
  const kind = kindOf(path);
  const parts = splitTemplate(text);
  const hasEnv = parts.some((part) => part.kind === 'name' && isEnvName(part.name));
  if (hasEnv) result.filled.add(JSON.stringify(path));
  const keep = (literal: string): string => (kind === 'template' ? escapeTemplate(literal) : literal);
  // A template without `${env.…}` stays as written, so that it reads well wherever it is shown.
  if (kind === 'template' && !hasEnv) return reportUnclosed(text, parts, path, result);
  return parts
    .map((part) => {
      if (part.kind === 'text') return keep(part.text);
      if (part.kind === 'name' && isEnvName(part.name)) return keep(fillName(part.name, path, values, result));
      return keepForLater(part, kind, path, result);
    })
    .join('');
}

function reportUnclosed(text: string, parts: readonly TemplatePart[], path: KeyPath, result: FilledData): string {
  if (parts.some((part) => part.kind === 'unclosed')) result.findings.push(unclosed(path));
  return text;
}

function isEnvName(name: string): boolean {
  return /^env(\W|$)/.test(name);
}

function fillName(name: string, path: KeyPath, values: Values, result: FilledData): string {
  const [, variable, fallback] = /^env\.([A-Za-z_]\w*)(?::-(.*))?$/s.exec(name) ?? [];
  if (variable === undefined) {
    result.findings.push({ path, message: `\`\${${name}}\` is not a variable`, hint: ENV_HINT });
    return '';
  }
  const value = values(variable) || (fallback ?? values(variable));
  if (value !== undefined) return value;
  result.findings.push({
    path,
    message: `\`\${${name}}\` has no value: ${variable} is neither in the environment nor in .env`,
    hint: `set ${variable}, or write \`\${env.${variable}:-default}\``,
  });
  return '';
}

const ENV_HINT = 'write `${env.NAME}` or `${env.NAME:-default}`';

function keepForLater(part: TemplatePart, kind: TextKind, path: KeyPath, result: FilledData): string {
  const text = part.kind === 'name' ? `\${${part.name}}` : '${';
  if (part.kind === 'unclosed' && kind !== 'shell') result.findings.push(unclosed(path));
  if (part.kind === 'name' && kind === 'plain') result.findings.push(misplaced(text, part.name, path));
  return text;
}

function unclosed(path: KeyPath): Finding {
  return { path, message: 'a `${` has no `}`', hint: 'close it, or write `$${` for the text `${`' };
}

function misplaced(text: string, name: string, path: KeyPath): Finding {
  const upper = /^[A-Z_][A-Z0-9_]*(:?-.*)?$/.test(name);
  const hint = upper
    ? `write \`\${env.${name}}\` for the environment variable, \`$${text}\` for the text as it stands`
    : 'only `${env.NAME}` is filled in here; other names are in a service’s env, command, image and build.args';
  return { path, message: `\`${text}\` is not filled in here`, hint };
}
