/** One stage of a ticket's way. */
export interface Stage {
  name: string;
  /** A shell line; neither it nor `agent`: a person approves. */
  run?: string | undefined;
  /** A preset. */
  agent?: string | undefined;
  /** What it is told before the ticket's own task. */
  prompt?: string | undefined;
  /** The stage whose commits it reviews. */
  reviews?: string | undefined;
  /** The review whose findings it is for: the ticket comes here by that alone. */
  fixes?: string | undefined;
  /** How often a review may send the ticket back. */
  retries: number;
}

/** A ticket of a plan. */
export interface PlannedTicket {
  ticket: string;
  /** Its name as the file has it. */
  argument: string;
  /** The task. */
  prompt?: string | undefined;
  from: Record<string, string>;
  with: string[];
  own: string[];
  /** Tickets that are done before it starts. */
  after: string[];
  /** Globs of what it is going to change, `REPO/PATH`. */
  touches: string[];
  stages: Stage[];
  /** True: what is done goes to the merge queue. */
  merge: boolean;
}

/** Several tickets, in an order. */
export interface Plan {
  name: string;
  /** So many tickets are worked on side by side. */
  max: number;
  /** Absolute paths of documents for all tickets. */
  context: string[];
  /** The shell line that the merge queue verifies with; undefined: that of stack.yml. */
  verify?: string | undefined;
  /** False: no services are started. */
  start: boolean;
  tickets: PlannedTicket[];
}

/** How far a ticket of a plan is. */
export type PlanState = 'blocked' | 'running' | 'waiting' | 'done' | 'queued' | 'merged' | 'failed';
