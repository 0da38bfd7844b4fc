import { areSame, type Finding, listBlocking } from './findings.ts';
import type { PlanEvent } from './journal.ts';
import type { PlannedTicket, PlanState, Stage } from './plan.ts';

/** What is to be done for a ticket. */
export type Next =
  | { do: 'create' }
  | { do: 'begin'; stage: Stage; attempt: number }
  | { do: 'watch'; stage: Stage; attempt: number; commits: Record<string, string> | undefined }
  /** Behind the last stage: what is committed goes on, to the queue or to the person. */
  | { do: 'finish' }
  /** Until the queue has merged it, or put it out. */
  | { do: 'merge' }
  /** Nothing, as long as no person says so; `end`: there is nothing left. */
  | { do: 'rest'; why: 'end' | 'stopped' | 'failed' | 'approve' | 'findings' | 'out' };

/** How far a ticket of a plan is, by its journal alone. */
export interface Standing {
  state: PlanState;
  stage: string | null;
  attempt: number;
  next: Next;
  /** True once its last stage is done, and all of it is committed and, where it is to be merged, in the queue. */
  isThrough: boolean;
  madeAt: string | undefined;
  /** What the last review has found. */
  findings: Finding[];
  /** Why it waits or has failed, and what to do about it. */
  reason?: string | undefined;
  hint?: string | undefined;
}

/** The ticket as events go by. */
interface Cursor extends Standing {
  ticket: PlannedTicket;
  /** True behind the last stage. */
  isBehindLast: boolean;
  /** How often each stage was begun. */
  begun: Map<string, number>;
  /** By review: how often it has sent the ticket back since a person looked, and what for. */
  back: Map<string, { rounds: number; last: Finding[] }>;
}

const END: Next = { do: 'rest', why: 'end' };

/** Returns how far a ticket is. `events` are those of the whole plan, the oldest first. */
export function readStanding(ticket: PlannedTicket, events: readonly PlanEvent[]): Standing {
  const cursor: Cursor = {
    ...{ ticket, begun: new Map(), back: new Map(), findings: [], madeAt: undefined, isThrough: false },
    ...{ isBehindLast: false, state: 'blocked', stage: null, attempt: 0, next: { do: 'create' } },
  };
  for (const event of events) if (event.ticket === ticket.ticket) follow(cursor, event);
  const { begun: _, back: __, ticket: ___, isBehindLast: ____, ...standing } = cursor;
  return standing;
}

function follow(cursor: Cursor, event: PlanEvent): Cursor {
  const { ticket } = cursor;
  const stage = ticket.stages.find(({ name }) => name === (event.stage ?? cursor.stage));
  if (isLate(cursor, event)) return keepCount(cursor, event);
  switch (event.event) {
    case 'create':
      return goTo(cursor, { state: 'running', next: { do: 'create' } });
    case 'created':
      cursor.madeAt = event.madeAt;
      return enter(cursor, ticket.stages[0]);
    case 'room':
      return goTo(cursor, { ...told(event, event.reason === undefined ? 'running' : 'blocked'), next: cursor.next });
    case 'begin':
      return stage ? begin(cursor, stage, event) : cursor;
    case 'end':
      return stage && isOfNow(cursor, event) ? end(cursor, stage, event) : cursor;
    case 'done':
      cursor.isThrough = true;
      return goTo(cursor, { state: 'done', next: END });
    case 'queue':
      cursor.isThrough = true;
      return goTo(cursor, { state: 'queued', next: { do: 'merge' } });
    case 'merged':
      cursor.isThrough = true;
      return goTo(cursor, { state: 'merged', next: END });
    case 'out':
      return goTo(cursor, { ...told(event, 'waiting'), next: { do: 'rest', why: 'out' } });
    case 'fail':
      cursor.isThrough = false;
      return goTo(cursor, { ...told(event, 'failed'), next: { do: 'rest', why: 'failed' } });
    case 'stop':
      // Who merges may have seen before that it is in the queue no more.
      if (cursor.next.do === 'rest' && cursor.next.why !== 'out') return cursor;
      return goTo(cursor, { ...told(event, 'waiting'), next: { do: 'rest', why: 'stopped' } });
    case 'go':
    case 'retry':
      return goOn(cursor, stage, event.event === 'retry');
    case 'pass':
      return stage ? enter(cursor, listAfter(ticket.stages, stage)) : cursor;
    case 'plan':
      return cursor;
  }
}

/** Who drives a ticket may not know yet that a person has stopped it. */
function isLate({ next }: Cursor, { event }: PlanEvent): boolean {
  const isOfDriver = !(['stop', 'go', 'pass', 'retry', 'merged'] as const).some((kind) => kind === event);
  return next.do === 'rest' && next.why === 'stopped' && isOfDriver;
}

/** False for the end of what was stopped, told after it was begun once more. */
function isOfNow({ attempt }: Cursor, event: PlanEvent): boolean {
  return event.attempt === undefined || event.attempt === attempt;
}

function keepCount(cursor: Cursor, { event, stage, attempt = 1, madeAt }: PlanEvent): Cursor {
  if (event === 'created') cursor.madeAt = madeAt;
  if (event === 'begin' && stage !== undefined) {
    cursor.begun.set(stage, attempt);
    cursor.stage = stage;
  }
  return cursor;
}

function told({ reason, hint }: PlanEvent, state: PlanState): Pick<Standing, 'state' | 'reason' | 'hint'> {
  return { state, reason, hint };
}

function goTo(cursor: Cursor, to: Pick<Standing, 'state' | 'next' | 'reason' | 'hint'>): Cursor {
  return Object.assign(cursor, { reason: undefined, hint: undefined }, to);
}

/** A stage that nobody runs waits for a person. */
function enter(cursor: Cursor, stage: Stage | undefined): Cursor {
  cursor.isBehindLast = stage === undefined;
  if (!stage) return goTo(cursor, { state: 'running', next: { do: 'finish' } });
  const attempt = (cursor.begun.get(stage.name) ?? 0) + 1;
  Object.assign(cursor, { stage: stage.name, attempt });
  if (stage.run !== undefined || stage.agent !== undefined)
    return goTo(cursor, { state: 'running', next: { do: 'begin', stage, attempt } });
  const { argument } = cursor.ticket;
  const hint = `\`stack diff ${argument}\` shows it, \`stack plan resume ${argument}\` approves it`;
  return goTo(cursor, {
    state: 'waiting',
    next: { do: 'rest', why: 'approve' },
    reason: 'it waits for you to approve it',
    hint,
  });
}

function begin(cursor: Cursor, stage: Stage, { attempt = 1, commits }: PlanEvent): Cursor {
  cursor.begun.set(stage.name, attempt);
  Object.assign(cursor, { stage: stage.name, attempt });
  return goTo(cursor, { state: 'running', next: { do: 'watch', stage, attempt, commits } });
}

function end(cursor: Cursor, stage: Stage, event: PlanEvent): Cursor {
  const { stages } = cursor.ticket;
  if (event.outcome !== 'done') return goTo(cursor, { ...told(event, 'failed'), next: { do: 'rest', why: 'failed' } });
  if (stage.reviews === undefined) return enter(cursor, listAfter(stages, stage));
  cursor.findings = event.findings ?? [];
  const blocking = listBlocking(cursor.findings);
  if (blocking.length === 0) return enter(cursor, listAfter(stages, stage));
  const before = cursor.back.get(stage.name);
  const isSame = before !== undefined && areSame(before.last, blocking);
  const rounds = before?.rounds ?? 0;
  if (!isSame && rounds < stage.retries) {
    cursor.back.set(stage.name, { rounds: rounds + 1, last: blocking });
    return enter(cursor, findWayBack(stages, stage));
  }
  const count = `${blocking.length} ${blocking.length === 1 ? 'finding' : 'findings'}`;
  const reason = isSame ? `the review has found the same twice: ${count}` : `${count} after ${rounds} ways back`;
  const { argument } = cursor.ticket;
  const hint = `\`stack plan retry ${argument}\` sends it back once more, \`stack plan resume ${argument}\` lets it pass`;
  return goTo(cursor, { state: 'waiting', next: { do: 'rest', why: 'findings' }, reason, hint });
}

/** Where a ticket goes on that has stopped, failed, waits or was put out of the queue. A review that waits sends it back. */
function goOn(cursor: Cursor, stage: Stage | undefined, isRetry: boolean): Cursor {
  if (cursor.next.do !== 'rest' || cursor.state === 'merged') return cursor;
  if (cursor.isBehindLast) return enter(cursor, undefined);
  if (cursor.madeAt === undefined) return goTo(cursor, { state: 'blocked', next: { do: 'create' } });
  if (!stage) return enter(cursor, cursor.ticket.stages[0]);
  if (!isRetry || cursor.next.why !== 'findings') return enter(cursor, stage);
  cursor.back.delete(stage.name);
  return enter(cursor, findWayBack(cursor.ticket.stages, stage));
}

/** Returns the stage behind one; what fixes the findings of a review is on the way back alone. */
function listAfter(stages: readonly Stage[], stage: Stage): Stage | undefined {
  if (stage.fixes !== undefined) return stages.find(({ name }) => name === stage.fixes);
  return stages.slice(stages.indexOf(stage) + 1).find(({ fixes }) => fixes === undefined);
}

function findWayBack(stages: readonly Stage[], review: Stage): Stage | undefined {
  return stages.find(({ fixes }) => fixes === review.name) ?? stages.find(({ name }) => name === review.reviews);
}
