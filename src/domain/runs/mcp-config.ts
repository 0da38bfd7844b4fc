import { isPlainMap, layOver } from '../config/source.ts';
import { StackError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { fillTemplate } from '../template.ts';
import type { AgentPreset } from './preset.ts';

/** What tells an agent of `stack mcp`. */
export interface McpEntry {
  /** The name of the agent. */
  agent: string;
  /** Relative to the folder that the agent stands in. */
  file: string;
  /** What a file holds that has nothing else. */
  text: string;
  json: Record<string, unknown> | undefined;
  /** What a file matches that has it in another way. */
  unless: RegExp | undefined;
}

/** Returns what a preset says of it; `args` are those of `stack`. Throws `usage` for an agent that takes none. */
export function planMcpEntry({ name, title, mcp }: AgentPreset, args: readonly string[]): McpEntry {
  if (!mcp)
    throw new StackError('usage', `${title} takes no MCP servers`, { hint: `\`stack run TICKET --agent ${name}\`` });
  const { file, unless } = mcp;
  const json = mcp.json ? (fillArgs(mcp.json, args) as Record<string, unknown>) : undefined;
  const look = (word: string): string | undefined => (word === 'args.json' ? JSON.stringify(args) : undefined);
  const text = json ? `${JSON.stringify(json, undefined, 2)}\n` : fillTemplate(mcp.text ?? '', look);
  return { agent: name, file, text, json, unless: unless ? new RegExp(unless, 'm') : undefined };
}

/** A word `${args}` of a list stands for all of them. */
function fillArgs(value: unknown, args: readonly string[]): unknown {
  if (Array.isArray(value))
    return value.flatMap((one): unknown[] => (one === '${args}' ? [...args] : [fillArgs(one, args)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillArgs(one, args)]));
}

/**
 * Returns a file's text with the entry in it, and all that it held before; the text itself where it has the entry. Throws `exists` where
 * it has another one, `files` for a text that nobody can add to and lose nothing.
 */
export function addMcpEntry(before: string, entry: McpEntry): string {
  if (before.trim() === '') return entry.text;
  if (entry.json) return addToJson(before, entry.json, entry);
  if (before.includes(entry.text)) return before;
  if (entry.unless?.test(before)) throw hasOther(entry);
  return `${before.replace(/\n*$/, '\n\n')}${entry.text}`;
}

function addToJson(before: string, json: Record<string, unknown>, entry: McpEntry): string {
  const found = parseJson(before.replace(/^\ufeff/, ''));
  const plain = before.replaceAll(/("(?:[^"\\]|\\.)*")|[\s\ufeff]+/g, '$1');
  // Comments, keys that stand twice, numbers beyond what a program counts: these would be lost.
  if (!isPlainMap(found) || JSON.stringify(found) !== plain)
    throw new StackError('files', `${entry.file} is no plain JSON, and something in it would be lost`, byHand(entry));
  if (hasOtherValue(found, json)) throw hasOther(entry);
  const after = layOver(found, json);
  if (JSON.stringify(after) === plain) return before;
  const [, indent = '  '] = /^\s*\{\r?\n([ \t]+)"/.exec(before) ?? [];
  return `${JSON.stringify(after, undefined, indent)}\n`;
}

function hasOtherValue(found: unknown, wanted: unknown): boolean {
  if (!isPlainMap(found) || !isPlainMap(wanted)) return JSON.stringify(found) !== JSON.stringify(wanted);
  return Object.entries(wanted).some(([key, value]) => Object.hasOwn(found, key) && hasOtherValue(found[key], value));
}

function hasOther(entry: McpEntry): StackError {
  return new StackError('exists', `${entry.file} has a server \`stack\` already, another one`, byHand(entry));
}

/** What a refusal to write tells. */
export function byHand({ agent }: McpEntry): { hint: string } {
  return { hint: `add it by hand: \`stack mcp install ${agent}\` prints it` };
}
