import { explainShortage, StackError } from '../domain/errors.ts';
import { escapeJson } from '../domain/json.ts';
import { maskPasswords } from '../domain/secrets.ts';
import { cleanText } from './safe-text.ts';
import { createStyle } from './style.ts';
import { wrapText } from './wrap.ts';

const REPORT_HINT = 'this is a fault in stack: set STACK_DEBUG=1, run it again, and report what it prints';

interface ErrorView {
  code: string;
  message: string;
  hint: string | undefined;
  lines: string[];
  exact: boolean;
  details: unknown;
}

export interface RenderErrorOptions {
  color: boolean;
  /** Adds the stack traces of the error and of what caused it. */
  debug?: boolean;
  /** Width of the terminal; undefined where there is none. */
  columns?: number | undefined;
}

/** Returns an error as a person reads it: `stack: message`, then the hint, then the lines that belong to it. */
export function renderError(error: unknown, options: RenderErrorOptions): string {
  const style = createStyle(options.color);
  const view = viewError(error);
  const wrap = (line: string, indent: number) => wrapText(cleanText(line), options.columns, indent);
  const text = [`${style.bad('stack:')} ${wrap(view.message, 'stack: '.length)}`];
  for (const hint of (view.hint ?? '').split('\n').filter((line) => line.trim() !== '')) {
    text.push(`${style.warn('hint:')} ${wrap(hint, 'hint: '.length)}`);
  }
  text.push(...view.lines.map((line) => `  ${view.exact ? line : cleanText(line)}`.trimEnd()));
  if (options.debug) text.push(...traceError(error).map((line) => style.dim(line)));
  return text.join('\n');
}

/** Returns an error as the one JSON document of `--json`: `{"error":{"code","message","hint","details"}}`. */
export function renderErrorJson(error: unknown): string {
  const { code, message, hint, details, exact } = viewError(error);
  const document = { error: { code, message, hint: hint ?? null, details: details ?? null } };
  const masked = JSON.stringify(document, (_key, value) =>
    typeof value === 'string' && !exact ? maskPasswords(value) : value,
  );
  return escapeJson(masked);
}

function viewError(failure: unknown): ErrorView {
  const error = failure instanceof StackError ? failure : (explainShortage(failure) ?? failure);
  if (!(error instanceof StackError)) {
    return {
      code: 'internal',
      message: messageOf(error),
      hint: REPORT_HINT,
      lines: [],
      exact: false,
      details: undefined,
    };
  }
  const { code, message, lines, hint, exact } = error;
  return { code, message, hint, lines, exact, details: addLines(error.details, lines) };
}

/** The lines a person is shown are in the JSON too, unless the details already have a place called so. */
function addLines(details: unknown, lines: string[]): unknown {
  if (lines.length === 0) return details;
  if (details === undefined || details === null) return { lines };
  if (typeof details !== 'object' || Array.isArray(details)) return details;
  return { lines, ...details };
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.trim() === '' ? 'something went wrong' : text;
}

function traceError(error: unknown): string[] {
  const trace: string[] = [];
  for (let next = error, depth = 0; next instanceof Error && depth < 5; next = next.cause, depth++) {
    if (depth > 0) trace.push('caused by:');
    trace.push(...(next.stack ?? String(next)).split('\n').map(cleanText));
  }
  return trace;
}
