import { StackError } from '../errors.ts';
import type { Values } from '../values.ts';
import type { StackConfig } from './config.ts';
import { type FilledData, fillEnvironment } from './env.ts';
import { explainIssues } from './issues.ts';
import { checkTemplateNames } from './names.ts';
import { normaliseConfig } from './normal.ts';
import { type ConfigSource, type ConfigText, findWritten, type KeyPath } from './place.ts';
import { refuseFindings } from './problems.ts';
import { type StackFile, stackSchema } from './schema.ts';
import { isPlainMap, layOver, readSource } from './source.ts';
import { checkConfig } from './validate.ts';

/** What a config is made from. */
export interface ConfigInput {
  /** `stack.yml`, then what is laid over it. */
  files: readonly ConfigText[];
  /** What `${env.NAME}` stands for. */
  values: Values;
}

/**
 * Returns the config that the files stand for, checked through and through. Throws `config`: its message is the first
 * problem with file, line and column, its lines are the others, its details (`problems`) are all of them.
 */
export function parseConfig(input: ConfigInput): StackConfig {
  return readConfig(input).config;
}

/** Returns the same, with what it was made from: the files, and what they hold filled in. */
export function readConfig({ files, values }: ConfigInput): {
  config: StackConfig;
  sources: ConfigSource[];
  data: unknown;
} {
  const sources = files.map(readSource);
  const filled = fillEnvironment(mergeSources(sources), values);
  const writtenAt = (path: KeyPath): string | undefined => findWritten(sources, path);
  const config = normaliseConfig(validate(sources, filled), writtenAt);
  refuseFindings(sources, [...checkConfig(config), ...checkTemplateNames(config)]);
  return { config: dropSharedDependencies(config), sources, data: filled.data };
}

/** Returns what the files hold, laid over each other, as written: nothing is filled in or checked. Throws `config` for bad YAML. */
export function readConfigData(files: readonly ConfigText[]): unknown {
  return mergeSources(files.map(readSource));
}

function mergeSources(sources: readonly ConfigSource[]): unknown {
  const [main, ...others] = sources;
  for (const source of sources) requireMap(source, source === main);
  const data = others.reduce((base, over) => layOver(base, over.data ?? {}), main?.data);
  // As in compose files: top-level `x-…` keys are a place for anchors.
  return Object.fromEntries(Object.entries(data as object).filter(([key]) => !key.startsWith('x-')));
}

function requireMap(source: ConfigSource, main: boolean): void {
  const { path } = source.file;
  if (isPlainMap(source.data) || (source.data === null && !main)) return;
  if (source.data === null) {
    throw new StackError('config', `${path} is empty`, { hint: 'run `stack init --force` to write one' });
  }
  throw new StackError('config', `${path}:1:1: must be a map of keys`, {
    hint: 'a key is followed by a colon and a space: `name: shop`',
  });
}

function validate(sources: readonly ConfigSource[], { data, filled, findings }: FilledData): StackFile {
  let result = stackSchema.safeParse(data);
  if (!result.success && readFilledValues(data, filled, result.error.issues)) result = stackSchema.safeParse(data);
  const issues = result.success ? [] : result.error.issues;
  const found = explainIssues(issues, { data, filled }, (path) => findWritten(sources, path));
  const broken = new Set(findings.map((finding) => JSON.stringify(finding.path)));
  refuseFindings(sources, [...findings, ...found.filter((finding) => !broken.has(JSON.stringify(finding.path)))]);
  if (!result.success) throw new StackError('internal', 'the config was refused without a reason');
  return result.data;
}

/** `from: ${env.PORT}` is a text until it is filled in; where a number, true or false is wanted it is read as one. Tells whether it changed anything. */
function readFilledValues(
  data: unknown,
  filled: ReadonlySet<string>,
  issues: readonly { code: string; path: readonly PropertyKey[] }[],
): boolean {
  const wrong = issues.filter((issue) => issue.code === 'invalid_type' && filled.has(JSON.stringify(issue.path)));
  for (const { path } of wrong) {
    const parent = path
      .slice(0, -1)
      .reduce((value, key) => (value as Record<PropertyKey, unknown>)[key] as object, data);
    const holder = parent as Record<PropertyKey, unknown>;
    const key = path.at(-1) ?? '';
    holder[key] = readScalar(String(holder[key]));
  }
  return wrong.length > 0;
}

function readScalar(text: string): string | number | boolean {
  if (/^\d+$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}

/** Shared services always run before any other; naming one in `depends_on`, as in a compose file, asks for nothing more. */
function dropSharedDependencies(config: StackConfig): StackConfig {
  for (const service of Object.values(config.services)) {
    service.dependsOn = service.dependsOn.filter((name) => Object.hasOwn(config.services, name));
  }
  return config;
}
