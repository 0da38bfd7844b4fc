import { callOwnCli, type OwnAnswer } from '../adapters/own-cli.ts';
import { isPlainMap } from '../domain/config/source.ts';
import { StackError } from '../domain/errors.ts';
import { escapeJson, parseFields, parseJson } from '../domain/json.ts';
import type { Answer, Line, Tool } from './tool.ts';

/** Where a verb is called. */
export interface CallPlace {
  packageRoot: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** Documents are whole, or none; what a program prints is cut to what a model may read. */
const MOST = { document: 32_000_000, lines: 400_000, output: 100_000 };

/**
 * Runs the verb of a tool as a process of its own, so that it owns what it changes, and is unwound alone when the signal is aborted. Throws
 * `internal` where it has answered nothing.
 */
export async function callVerb(
  tool: Tool,
  { words, input }: Line,
  place: CallPlace,
  signal: AbortSignal,
): Promise<Answer> {
  const limit = MOST[tool.prints ?? 'document'];
  return readAnswer(await callOwnCli([tool.verb, '--json', ...words], { ...place, input, signal, limit }), tool);
}

function readAnswer({ exitCode, stdout, stderr, cut }: OwnAnswer, { prints }: Tool): Answer {
  const { error } = parseFields<{ error: Answer['error'] }>(prints === 'lines' ? lastLines(stdout) : stdout);
  const isError = exitCode !== 0 && typeof error?.code === 'string' && typeof error.message === 'string';
  if (isError) return { exitCode, document: undefined, error };
  if (prints === 'output') return { exitCode, document: { exitCode, stdout, stderr, cut }, error: undefined };
  if (prints === 'lines') {
    const lines = stdout.split('\n').map(parseJson);
    return { exitCode, document: { lines: lines.filter(isPlainMap), cut }, error: undefined };
  }
  const document = parseJson(stdout);
  if (!isPlainMap(document)) throw new StackError('internal', `the verb has answered nothing: ${stderr.slice(-1000)}`);
  return { exitCode, document, error: undefined };
}

/** An error is a document of several lines, behind lines that are one each. */
function lastLines(stdout: string): string {
  return stdout.slice(Math.max(0, stdout.lastIndexOf('\n{\n') + 1));
}

/** What a tool answers, as the protocol has it. */
export interface ToolResult {
  [key: string]: unknown;
  content: { type: 'text'; text: string }[];
  structuredContent: Record<string, unknown>;
  isError?: true;
}

/** Returns an answer as the protocol has it. `bound`: facts about an error may name other tickets. */
export function toResult({ exitCode, document, error }: Answer, bound: boolean): ToolResult {
  if (!document) return toFailure(error ?? { code: 'internal', message: 'no answer' }, bound);
  const content = [
    textOf(document),
    ...(exitCode === 0 ? [] : [{ type: 'text' as const, text: `exit code ${exitCode}` }]),
  ];
  return { content, structuredContent: document };
}

/** Returns an error as the protocol has it. */
export function toFailure(
  { code, message, hint = null, details }: NonNullable<Answer['error']>,
  bound: boolean,
): ToolResult {
  const told = { code, message, hint, ...(bound || details === undefined ? {} : { details }) };
  return { content: [textOf(told)], structuredContent: told, isError: true };
}

function textOf(document: unknown): { type: 'text'; text: string } {
  return { type: 'text', text: escapeJson(JSON.stringify(document)) };
}
