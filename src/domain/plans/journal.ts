import * as z from 'zod/mini';
import { parseJson } from '../json.ts';
import type { RunCost } from '../runs/run.ts';
import { type Finding, findingSchema } from './findings.ts';

/**
 * What has become of a plan, an event a line; all else that is known of it follows from that. `plan`: it is begun; `create`, `created`: the
 * ticket's environment; `room`: there is none for it now, or there is again; `begin`, `end`: of a stage; `done`: behind the last one, for who is not merged here; `queue`, `merged`, `out`: of the merge queue; `fail`: something outside a stage failed;
 * `stop`, `go`, `pass`, `retry`: a person's word.
 */
type PlanEventKind = (typeof KINDS)[number];

const KINDS = [
  ...(['plan', 'create', 'created', 'room', 'begin', 'end', 'done', 'queue', 'merged', 'out', 'fail'] as const),
  ...(['stop', 'go', 'pass', 'retry'] as const),
] as const;

export interface PlanEvent {
  /** ISO 8601. */
  at: string;
  event: PlanEventKind;
  /** None: it is about the plan as a whole. */
  ticket?: string | undefined;
  stage?: string | undefined;
  /** Which begin of that stage it is, from 1. */
  attempt?: number | undefined;
  /** When the ticket was made, ISO 8601: another one of that name is another ticket. */
  madeAt?: string | undefined;
  /** What a review is of: full ids, by repo. */
  commits?: Record<string, string> | undefined;
  outcome?: 'done' | 'failed' | undefined;
  exitCode?: number | null | undefined;
  /** What the agent has reported. */
  cost?: RunCost | null | undefined;
  findings?: Finding[] | undefined;
  reason?: string | undefined;
  hint?: string | undefined;
}

// Loose: what a version does not know it keeps.
const schema: z.ZodMiniType<PlanEvent> = z.looseObject({
  at: z.string(),
  event: z.enum(KINDS),
  ticket: z.optional(z.string()),
  stage: z.optional(z.string()),
  attempt: z.optional(z.int()),
  madeAt: z.optional(z.string()),
  commits: z.optional(z.record(z.string(), z.string())),
  outcome: z.optional(z.enum(['done', 'failed'])),
  exitCode: z.optional(z.nullable(z.int())),
  cost: z.optional(
    z.nullable(
      z.object({ usd: z.nullable(z.number()), input: z.nullable(z.number()), output: z.nullable(z.number()) }),
    ),
  ),
  findings: z.optional(z.array(findingSchema)),
  reason: z.optional(z.string()),
  hint: z.optional(z.string()),
});

/** Returns the events of a text; a line that is none is left out, as one that was cut off. */
export function parseJournal(text: string): PlanEvent[] {
  return text.split('\n').flatMap((line) => {
    const parsed = line === '' ? undefined : schema.safeParse(parseJson(line));
    return parsed?.success ? [parsed.data] : [];
  });
}
