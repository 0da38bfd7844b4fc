import * as z from 'zod/mini';

// biome-ignore lint/suspicious/noExplicitAny: each tool knows its own input; to the server it only passes through.
export type AnyInput = any;
export type Fields = Record<string, z.ZodMiniType>;

/** What a command answered. */
export interface Answer {
  exitCode: number;
  /** The `--json` document; undefined where there is none. */
  document: Record<string, unknown> | undefined;
  error: { code: string; message: string; hint?: string | null; details?: unknown } | undefined;
}

/** The words of a command line behind the verb, and what is on its standard input. */
export interface Line {
  words: string[];
  input?: string;
  /** For a verb that is about the folder it stands in: the one that the server was started in, or that of a ticket. */
  here?: true;
  inTicket?: string;
}

/** One verb as a tool. What it does and answers is the verb's own: this says what its command line is. */
export interface Tool {
  /** The words that the command line begins with: `db`, … */
  verb: string;
  /** Without `stack_`; default: the verb. */
  name?: string;
  description: string;
  /** How many tickets it is about: a server that is bound to one has no field for them. */
  tickets: 'none' | 'one' | 'several' | 'optional';
  /** It is about other tickets too: a server that is bound to one does not have it. */
  reachesOthers?: true;
  input: Fields;
  /** Fields that reach other tickets. */
  unbound?: Fields;
  output: Fields;
  readOnly?: true;
  /** It may take away what cannot be made again. */
  destructive?: true;
  line(input: AnyInput, tickets: string[]): Line;
  /** What it prints is its answer: a list of JSON lines, or what a program wrote. */
  prints?: 'lines' | 'output';
  asks?: Asking;
  /** Returns what a server that is bound to one ticket may tell of a document. */
  ofOne?(document: Record<string, unknown>): Record<string, unknown>;
}

/** How a person is asked before a tool does its work. */
interface Asking {
  /** Words for a first call that changes nothing. */
  first: readonly string[];
  /** Words that go with a person's yes. */
  yes: readonly string[];
  /** Returns the question; undefined: the first call's answer is all there is. May throw why not. */
  question(
    first: Answer,
    tickets: readonly string[],
    input: AnyInput,
  ): string | undefined | Promise<string | undefined>;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const name = z.string().check(z.maxLength(100), z.regex(NAME, 'letters, digits, `-`, `_` and `.`'));
const TICKET = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
/** No option, and no pattern. */
const ticket = z.string().check(z.maxLength(50), z.regex(TICKET, 'letters, digits, `-`, `_`, `.` and `/`'));
/** The system takes 128 kB in one argument. */
const text = z.string().check(z.minLength(1), z.maxLength(30_000));
const document = z.string().check(z.minLength(1), z.maxLength(5_000_000));

/** The schemas of input fields. */
export const kind = {
  ticket,
  tickets: z.array(ticket).check(z.minLength(1), z.maxLength(100)),
  name,
  names: z.array(name).check(z.maxLength(100)),
  text,
  document,
  words: z.array(z.string()).check(z.minLength(1)),
  refs: z.record(name, text),
  flag: z.boolean(),
  count: z.int().check(z.minimum(1), z.maximum(100_000)),
};

/** Returns a field that must be there, with what it means. */
export function must(schema: z.ZodMiniType, description: string): z.ZodMiniType {
  return schema.check(z.describe(description));
}

/** Returns a field that may be left out, with what it means. */
export function may(schema: z.ZodMiniType, description: string): z.ZodMiniType {
  return z.optional(must(schema, description));
}

/** Returns the schema of one of several words. */
export function oneOf(words: readonly string[]): z.ZodMiniType {
  return z.enum(words as [string, ...string[]]);
}

/** Output fields. Documents may have more: fields are added, none changes its meaning. */
export const out = {
  text: z.string(),
  maybe: z.optional(z.unknown()),
  number: z.number(),
  flag: z.boolean(),
  map: z.record(z.string(), z.unknown()),
  list: z.array(z.unknown()),
  rows: z.array(z.looseObject({})),
};

/** Returns `--flag=value`, one word that no parser reads as anything else; none without a value. */
export function valued(flag: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`--${flag}=${value}`];
}

/** Returns `--flag=value` for each value. */
export function each(flag: string, values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => valued(flag, value));
}

/** Returns `--from-REPO=REF` for each repo. */
export function perRepo(flag: string, refs: Record<string, string> | undefined): string[] {
  return Object.entries(refs ?? {}).flatMap(([repo, ref]) => valued(`${flag}-${repo}`, ref));
}

/** Returns the flags that are wished for. */
export function flags(wishes: Record<string, boolean | undefined>): string[] {
  return Object.entries(wishes).flatMap(([flag, on]) => (on ? [`--${flag}`] : []));
}
