import type { StackConfig } from './config/config.ts';
import { StackError } from './errors.ts';
import { findKindFacts } from './own-kinds.ts';

/** A piece of a template: text as it stands, a name to fill in, or a `${` that nothing closes. */
export type TemplatePart = { kind: 'text'; text: string } | { kind: 'name'; name: string } | { kind: 'unclosed' };

/** A name may hold a `$`, but not the begin of another place: `${A:-${env.B}}` is `${A:-`, `${env.B}`, `}`. */
const PLACE = /\$\$\{|\$\{((?:[^}$]|\$(?!\{))*)\}|\$\{/g;

/** The name that stands for one `$`, so that text from outside can never be read as a template. */
const DOLLAR = '$';

/** Returns the pieces of a template in order; `$${` is the text `${`. */
export function splitTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of template.matchAll(PLACE)) {
    if (match.index > end) parts.push({ kind: 'text', text: template.slice(end, match.index) });
    parts.push(readPlace(match[0], match[1]));
    end = match.index + match[0].length;
  }
  if (end < template.length) parts.push({ kind: 'text', text: template.slice(end) });
  return parts;
}

function readPlace(whole: string, name: string | undefined): TemplatePart {
  if (whole === '$${') return { kind: 'text', text: '${' };
  if (name === undefined) return { kind: 'unclosed' };
  return name === DOLLAR ? { kind: 'text', text: '$' } : { kind: 'name', name };
}

/** Returns a template that is filled in to exactly `text`, whatever the text holds and stands beside. */
export function escapeTemplate(text: string): string {
  return text.replaceAll('$', () => `\${${DOLLAR}}`);
}

/** Returns the names a template needs, each once, in order. */
export function listNames(template: string): string[] {
  const names = splitTemplate(template).flatMap((part) => (part.kind === 'name' ? [part.name] : []));
  return [...new Set(names)];
}

/**
 * Fills in a template. Throws `config` for a name that `lookup` gives undefined for; never leaves one empty.
 */
export function fillTemplate(template: string, lookup: (name: string) => string | undefined): string {
  return splitTemplate(template)
    .map((part) => {
      if (part.kind === 'text') return part.text;
      if (part.kind === 'unclosed') return '${';
      const value = lookup(part.name);
      if (value !== undefined) return value;
      throw new StackError('config', `\`\${${part.name}}\` has no value here`, { details: { name: part.name } });
    })
    .join('');
}

const GENERAL_NAMES = ['ticket', 'branch', 'stack', 'root', 'worktree', 'bind'];
const SHARED_NAMES = ['url', 'host', 'port', 'user', 'password', 'database', 'internal_url'];
const SERVICE_NAMES = ['url', 'host', 'port', 'internal_url', 'internal_host', 'internal_port'];

/**
 * Returns every name that the templates of a service may use, general ones first. A service without ports cannot be
 * reached, so it has no names.
 */
export function listKnownNames(config: StackConfig, service: string): string[] {
  const portsOf = (name: string): string[] => Object.keys(config.services[name]?.ports ?? {});
  const reachable = Object.keys(config.services).filter((name) => portsOf(name).length > 0);
  return [
    ...GENERAL_NAMES,
    ...portsOf(service).map((port) => `port.${port}`),
    ...Object.entries(config.shared.services).flatMap(([shared, { ports = {}, prefix }]) =>
      [
        ...SHARED_NAMES,
        ...(findKindFacts(shared)?.numbered ? ['db'] : []),
        ...(prefix === undefined ? [] : ['prefix']),
        ...Object.keys(ports).map((port) => `port.${port}`),
      ].map((name) => `${shared}.${name}`),
    ),
    ...reachable.flatMap((other) => [
      ...SERVICE_NAMES.map((name) => `${other}.${name}`),
      `tickets.${other}.urls`,
      ...portsOf(other).map((port) => `${other}.port.${port}`),
    ]),
  ];
}

/** Returns names as a short text: `ticket, port.http, {api,front}.{url,host}`. */
export function renderNames(names: readonly string[]): string {
  const endings = groupBy(
    names.filter((name) => name.includes('.')),
    (name) => [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)],
  );
  const alike = groupBy([...endings.keys()], (subject) => [(endings.get(subject) ?? []).join(), subject]);
  return [
    ...names.filter((name) => !name.includes('.')),
    ...[...alike].map(([ends, subjects]) => `${renderSet(subjects)}.${renderSet(ends.split(','))}`),
  ].join(', ');
}

function groupBy(
  items: readonly string[],
  split: (item: string) => [key: string, value: string],
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of items.map(split)) groups.set(key, [...(groups.get(key) ?? []), value]);
  return groups;
}

function renderSet(items: readonly string[]): string {
  return items.length === 1 ? String(items[0]) : `{${items.join(',')}}`;
}
