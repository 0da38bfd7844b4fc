import type { FoundRoot } from './adapters/config-file.ts';
import type { Emit } from './domain/events.ts';
import type { RuntimeName } from './domain/runtime.ts';
import type { Stack } from './orchestrator/core/stack.ts';
import type { Reporter } from './ui/reporter.ts';

/** The process as commands see it; tests hand in another. */
export interface Host {
  cwd: string;
  /** True where `-C` has led to another folder than the shell is in. */
  isElsewhere?: boolean;
  env: Record<string, string | undefined>;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  pid: number;
}

/** Flags that every verb takes. */
export interface GlobalOptions {
  json: boolean;
  quiet: boolean;
  yes: boolean;
  /** Absolute path of the folder that `--root` names; undefined: the root is found from the folder that we are in. */
  root?: string | undefined;
  /** Overrules `runtime:` of stack.yml for services that do not name one themselves. */
  runtime?: RuntimeName | 'auto';
}

/** What a command is handed: each part is made on first use, so that a verb pays for what it needs. */
export interface Context {
  readonly host: Host;
  readonly options: GlobalOptions;
  readonly packageRoot: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Colours in what goes to stdout. */
  readonly color: boolean;
  /** Colours in what goes to stderr. */
  readonly errorColor: boolean;
  reporter(): Promise<Reporter>;
  /** Ends the narration, where there was any. */
  endNarration(how?: { failed: boolean }): Promise<void>;
  /** The root, and the ticket whose folder we are in. Throws `config` when there is none, `confirm` for another person's. */
  place(): Promise<FoundRoot>;
  /** Undefined outside any stack. Throws `confirm` for another person's. */
  findPlace(): Promise<FoundRoot | undefined>;
  stack(): Promise<Stack>;
  /** Asks; `--yes` answers, and without a terminal it is a refusal. Throws `confirm`. */
  confirm(question: string): Promise<void>;
  /** Asks, and gives the answer. Throws `confirm` where nobody is there to ask; it names `all` that would be asked. */
  ask(question: string, all?: readonly string[]): Promise<boolean>;
  /** Asks for one of several, and gives its place; the first with `--yes` and where nobody is there to ask. */
  choose(question: string, choices: readonly string[]): Promise<number>;
}
