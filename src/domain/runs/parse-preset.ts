import { explainIssues } from '../config/issues.ts';
import { type ConfigText, findWritten, type KeyPath } from '../config/place.ts';
import { type Finding, refuseFindings } from '../config/problems.ts';
import { isPlainMap, layOver, readSource } from '../config/source.ts';
import { StackError } from '../errors.ts';
import { renderSuggestion } from '../suggest.ts';
import { splitTemplate } from '../template.ts';
import type { AgentPreset } from './preset.ts';
import { presetSchema } from './preset-schema.ts';

/**
 * Returns the preset that the files stand for, each laid over the one before. Throws `config`: its message is the first problem with
 * file, line and column, its lines are the others.
 */
export function parsePreset(name: string, files: readonly ConfigText[]): AgentPreset {
  const sources = files.map(readSource);
  const data = sources.reduce<unknown>((base, { data: over }) => layOver(base, over ?? {}), {});
  const result = presetSchema.safeParse(data);
  const issues = result.success ? [] : result.error.issues;
  const found = explainIssues(issues, { data, filled: new Set() }, (path) => findWritten(sources, path));
  refuseFindings(sources, [...found, ...(result.success ? checkPreset(result.data) : [])]);
  if (!result.success) throw new StackError('internal', 'the preset was refused without a reason');
  return { ...result.data, name };
}

function checkPreset(preset: Omit<AgentPreset, 'name'>): Finding[] {
  const { program, args, each_repo, env, files, prompt, resume, headless } = preset;
  return [
    ...checkNames({ program, args, each_repo, env, files, prompt, resume, headless }, []),
    ...(files ?? []).flatMap(({ path }, index) => checkPlace(path, ['files', index, 'path'])),
  ];
}

const GENERAL = ['ticket', 'run', 'run.url', 'repo', 'hook', 'hook.json'];

/** What more a template may hold, by where it stands. */
function listMore(path: KeyPath): string[] {
  if (path[0] === 'each_repo') return ['path', 'name'];
  if (path[0] === 'resume' && path[1] === 'session') return ['session'];
  return path[0] === 'prompt' || path[1] === 'prompt' ? ['prompt', 'prompt_file'] : [];
}

function checkNames(value: unknown, path: KeyPath): Finding[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => checkNames(item, [...path, index]));
  if (isPlainMap(value)) return Object.entries(value).flatMap(([key, item]) => checkNames(item, [...path, key]));
  if (typeof value !== 'string') return [];
  const known = [...GENERAL, ...listMore(path)];
  return splitTemplate(value).flatMap((part) => {
    if (part.kind === 'unclosed') {
      return [{ path, message: 'a `${` has no `}`', hint: 'close it, or write `$${` for the text `${`' }];
    }
    if (part.kind !== 'name' || known.includes(part.name)) return [];
    const message = `\`\${${part.name}}\` is not known here${renderSuggestion(part.name, known)}`;
    return [{ path, message, hint: `known here: ${known.join(', ')}; \`$\${\` is the text \`\${\`` }];
  });
}

/** Nothing of an agent's is written where a repo tracks it or where the person's other work meets it. */
function checkPlace(place: string, path: KeyPath): Finding[] {
  const isInside = /^\$\{(run|ticket)\}\/./.test(place) && !place.split('/').includes('..');
  return isInside ? [] : [{ path, message: 'must begin with `${run}/` or `${ticket}/`, and stay inside of it' }];
}
