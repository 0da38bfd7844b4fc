import type * as z from 'zod/mini';
import type { presetSchema } from './preset-schema.ts';

/** How an agent is started, told of its task and heard: what a file of `templates/agents/` or of the person's own folder says. */
export type AgentPreset = z.infer<typeof presetSchema> & {
  /** The file's name without its ending. */
  name: string;
};

/** Where and for what an agent is started. All paths are absolute. */
export interface AgentSituation {
  /** The ticket's folder. */
  folder: string;
  /** The ticket's own worktrees, the one that an agent stands in which wants a repo first. */
  repos: { name: string; path: string }[];
  prompt?: string;
  /** A file that holds the prompt, where there is one. */
  promptFile?: string;
  /** The run's own folder (0700): its `events` is what hooks append to. */
  runDir: string;
  /** Without a terminal. */
  headless: boolean;
  /** Go on with a session that has ended: this one, or the last one of the folder. */
  resume?: { session?: string };
  /** The shipped script that hooks call. */
  hook: string;
}

/** What is run. */
export interface AgentCommand {
  /** The program, then its arguments; no shell sees them. */
  argv: string[];
  cwd: string;
  /** Laid over the ticket's environment. */
  env: Record<string, string>;
  /** The prompt goes to standard input, and its end after it. Without it the terminal, or nothing, is there. */
  stdin?: 'prompt';
  /**
   * Written before the start, their folders made: absolute paths in the run's folder or the ticket's. What is there already in the
   * ticket's and differs is somebody's, and stays.
   */
  files: { path: string; content: string; mode: number }[];
}

/** A line of a run's `events`. */
export interface AgentEvent {
  name: string;
  /** Unix seconds. */
  at: number;
  /** As the agent sent it, JSON as a rule, cut where it is long. Not trusted. */
  payload: string;
}

/** What an event says of a run. What it leaves out is as it was. */
export interface AgentNews {
  state?: 'starting' | 'working' | 'waiting' | 'done';
  /** The question that it waits with, `trust`, or the last that it said. Not trusted. */
  text?: string;
  /** What `resume` can be told. */
  session?: string;
  /** How many tasks still run in the background. */
  background?: number;
  /** `of: run` replaces what was known, `of: turn` is added to it. */
  cost?: { of: 'run' | 'turn'; usd?: number; input?: number; output?: number };
}
