import type { Context } from '../../context.ts';
import { showLines } from '../../ui/safe-text.ts';

/** One verb of the command line: what it takes, what it does, and how its answer reads. */
export interface Verb<Options = Record<string, unknown>, Result = unknown> {
  name: string;
  /** Other names that people type for it: `ls`. */
  aliases?: readonly string[];
  summary: string;
  /** Arguments in commander's notation: `<ticket> [service...]`. */
  args: string;
  /** Flags in commander's notation, with what they mean. */
  flags: readonly (readonly [flag: string, description: string, fallback?: string])[];
  /** Flags that exist once per repo: `from` gives `--from-REPO=REF`. */
  repoFlags?: readonly { name: 'from' | 'on'; value: string; description: string }[];
  /** What `--json` does, where that is not one document. */
  jsonHelp?: string;
  /** What `--quiet` does, where that is more than to narrate nothing. */
  quietHelp?: string;
  /** It takes a command line behind `--`; `loose`: behind its arguments as well. */
  command?: 'strict' | 'loose';
  /** It speaks for the run that it is called in: wherever it stands, its stack is that of the run. */
  ofRun?: true;
  examples: readonly string[];
  /** What its arguments are, for completion. */
  completes: {
    tickets?: boolean;
    several?: boolean;
    /** A ticket of which something is saved. */
    saved?: boolean;
    services?: boolean;
    /** `borrowed`: of the ticket's those that it borrows. */
    repos?: boolean | 'borrowed';
    /** Folders, which the shell knows. */
    folders?: boolean;
    /** Fixed words of which one stands before all else. */
    leads?: readonly string[];
    /** Those of them behind which a file stands, or in place of which one does. */
    files?: readonly string[];
    /** Fixed words. */
    choices?: readonly string[];
    /** Fixed words behind a ticket, and those of them behind which a file stands. */
    actions?: readonly string[];
    fileActions?: readonly string[];
  };
  run(context: Context, input: VerbInput<Options>): Promise<Result>;
  /** Returns the answer as text for stdout; '' prints nothing. */
  render(result: Result, view: RenderOptions): string | Promise<string>;
  /** Returns what `--json` prints; default: the result itself. */
  toJson?(result: Result): unknown;
  /** Returns the exit code of a run that did not throw; default 0. */
  exitCode?(result: Result): number;
}

export interface RenderOptions {
  color: boolean;
  /** Width of the terminal; undefined where there is none. */
  columns: number | undefined;
}

/** What a verb is handed: its arguments and flags. */
export interface VerbInput<Options> {
  args: string[];
  /** Words behind `--`. */
  command: string[];
  options: Options;
  /** `--from-REPO` and `--on-REPO`, by repo. */
  from: Record<string, string>;
  on: Record<string, string>;
}

/** Returns an answer as text that does nothing to a terminal but colour it. */
export async function renderAnswer<Result>(
  verb: Verb<never, Result>,
  result: Result,
  view: RenderOptions,
): Promise<string> {
  return showLines(await verb.render(result, view));
}

/** Returns a list from a flag that may be repeated or hold commas: `--with api,worker --with jobs`. */
export function listValues(values: readonly string[] | undefined): string[] {
  return (values ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
