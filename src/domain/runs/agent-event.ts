import type * as z from 'zod/mini';
import { parseJson } from '../json.ts';
import { withoutControls } from '../plain-text.ts';
import type { AgentEvent, AgentNews, AgentPreset } from './preset.ts';
import type { ruleSchema } from './preset-schema.ts';

type Rule = z.infer<typeof ruleSchema>;
type Rules = Record<string, Rule | Rule[]> | null | undefined;

/** A question, not an essay. */
const MOST_LETTERS = 4000;

/**
 * Returns what an event of an agent says of its run; undefined for one that says nothing, such as a subagent's. Whatever the
 * payload holds, it throws nothing.
 */
export function readAgentEvent(preset: AgentPreset, event: AgentEvent): AgentNews | undefined {
  const whole = parseJson(event.payload);
  const news = readNews(preset, preset.events, {
    name: event.name,
    fields: whole ?? parseJson(closeCut(event.payload)),
  });
  // What is cut off may say what still runs.
  return news?.state === 'done' && isCut(event.payload, whole) ? { ...news, state: 'working' } : news;
}

/** Returns the same for a line that an agent without a terminal has printed. */
export function readAgentOutput(preset: AgentPreset, line: string): AgentNews | undefined {
  if (!preset.output || !line.startsWith('{')) return undefined;
  const fields = parseJson(line);
  const name = fieldAt(fields, preset.output.name);
  return typeof name === 'string' ? readNews(preset, preset.output.events, { name, fields }) : undefined;
}

/** True where an agent's events tell of the end of a turn, and never of the begin of one. */
export function tellsEndsAlone({ events }: AgentPreset): boolean {
  const states = Object.values(events ?? {}).flatMap((rules) => [rules].flat().map(({ state }) => state));
  return states.includes('done') && !states.includes('working');
}

/**
 * Returns what an agent's terminal shows of its run: that it works or waits, never that it has ended. One that has begun is trusted: words
 * about trust are its own.
 */
export function readAgentScreen(preset: AgentPreset, screen: string, hasBegun = false): AgentNews | undefined {
  const found = preset.screen?.find(
    ({ match, text }) => !(hasBegun && text === 'trust') && new RegExp(match, 'm').test(screen),
  );
  return found && { state: found.state, ...(found.text && { text: found.text }) };
}

function readNews(
  preset: AgentPreset,
  events: Rules,
  { name, fields }: { name: string; fields: unknown },
): AgentNews | undefined {
  const rules = events && Object.hasOwn(events, name) ? events[name] : undefined;
  if (rules === undefined || preset.ignore?.some((path) => holds(fieldAt(fields, path)))) return undefined;
  const rule = [rules].flat().find((one) => fits(one, fields));
  return rule && applyRule(rule, fields, preset.session ?? undefined);
}

function fits({ is, match, has }: Rule, fields: unknown): boolean {
  const equal = Object.entries(is ?? {}).every(([path, wanted]) =>
    [wanted].flat().some((one) => one === fieldAt(fields, path)),
  );
  const alike = Object.entries(match ?? {}).every(([path, pattern]) => {
    const value = fieldAt(fields, path);
    return typeof value === 'string' && new RegExp(pattern, 'm').test(value);
  });
  return equal && alike && (has ?? []).every((path) => holds(fieldAt(fields, path)));
}

function applyRule(rule: Rule, fields: unknown, sessionAt: string | undefined): AgentNews {
  const text = findText(rule.text ?? [], fields) ?? rule.say ?? undefined;
  const session = fieldAt(fields, rule.session ?? sessionAt);
  const background = rule.background ? countTasks(fieldAt(fields, rule.background)) : undefined;
  const cost = rule.cost ? readCost(rule.cost, fields) : undefined;
  return {
    ...(rule.state && { state: rule.state }),
    ...(text !== undefined && { text }),
    ...(typeof session === 'string' && /^[\w.:-]{1,200}$/.test(session) && { session }),
    ...(background !== undefined && { background }),
    ...(cost && { cost }),
  };
}

function findText(paths: readonly string[], fields: unknown): string | undefined {
  const text = paths.map((path) => fieldAt(fields, path)).find((one) => typeof one === 'string' && one.trim() !== '');
  return typeof text === 'string' ? withoutControls(text).trim().slice(0, MOST_LETTERS) : undefined;
}

function countTasks(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  return isAmount(value) ? value : undefined;
}

function readCost(wanted: NonNullable<Rule['cost']>, fields: unknown): AgentNews['cost'] {
  const sum = (paths: readonly string[] | null | undefined): number | undefined => {
    const amounts = (paths ?? []).map((path) => fieldAt(fields, path)).filter(isAmount);
    return amounts.length === 0 ? undefined : amounts.reduce((one, other) => one + other);
  };
  const usd = wanted.usd ? sum([wanted.usd]) : undefined;
  const input = sum(wanted.input);
  const output = sum(wanted.output);
  if (usd === undefined && input === undefined && output === undefined) return undefined;
  return {
    of: wanted.of,
    ...(usd !== undefined && { usd }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
  };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function holds(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== '' && value !== false && value !== 0;
}

function fieldAt(fields: unknown, path: string | undefined): unknown {
  return path?.split('.').reduce<unknown>((value, key) => {
    const isMap = typeof value === 'object' && value !== null;
    return isMap && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }, fields);
}

function isCut(payload: string, whole: unknown): boolean {
  return whole === undefined && payload.startsWith('{');
}

/** A long payload comes cut: what stands before its last whole field counts. */
function closeCut(text: string): string {
  let depth = 0;
  let end = 0;
  for (const { 0: mark, index } of text.matchAll(/"(?:[^"\\]|\\.)*"?|[{}[\],]/gs)) {
    if (mark === '{' || mark === '[') depth++;
    if (mark === '}' || mark === ']') depth--;
    if (mark === ',' && depth === 1) end = index;
  }
  return `${text.slice(0, end)}}`;
}
