import path from 'node:path';
import { explainIssues } from '../config/issues.ts';
import { type ConfigSource, type ConfigText, findWritten, type KeyPath } from '../config/place.ts';
import { type Finding, refuseFindings } from '../config/problems.ts';
import { readSource } from '../config/source.ts';
import { StackError } from '../errors.ts';
import { findCycle } from '../order.ts';
import { renderSuggestion } from '../suggest.ts';
import { foldTicket, parseTicketName, ticketOf } from '../ticket.ts';
import type { Plan, PlannedTicket, Stage } from './plan.ts';
import { type PlanFile, planSchema, type StageFile, type TicketFile } from './plan-schema.ts';

const DEFAULT_MAX = 3;
const DEFAULT_RETRIES = 2;

/** A plan as its file says it: the tasks that are files of their own are yet to be read. */
export interface ParsedPlan extends Plan {
  /** By ticket, relative to the plan's file. */
  promptFiles: Record<string, string>;
  /** The file, to say where in it something is wrong. */
  source: ConfigSource;
}

type Unplaced = Omit<ParsedPlan, 'source'>;

/** Returns the plan that a file says. Throws `config`: its message is the first problem with file, line and column, its lines are the others. */
export function parsePlan(file: ConfigText): ParsedPlan {
  const source = readSource(file);
  const result = planSchema.safeParse(source.data ?? {});
  const issues = result.success ? [] : result.error.issues;
  const data = { data: source.data, filled: new Set<string>() };
  refuseFindings(
    [source],
    explainIssues(issues, data, (at) => findWritten([source], at)),
  );
  if (!result.success) throw new StackError('internal', 'the plan was refused without a reason');
  const plan = makePlan(result.data, path.basename(file.path).replace(/\.ya?ml$/, ''));
  refuseFindings([source], checkPlan(source, result.data, plan));
  return { ...plan, source };
}

function makePlan(file: PlanFile, fallback: string): Unplaced {
  const entries = Object.entries(file.tickets);
  const promptFiles = entries.flatMap(([name, one]) => (one.prompt_file ? [[ticketOf(name), one.prompt_file]] : []));
  return {
    name: file.name ?? fallback,
    max: file.max ?? DEFAULT_MAX,
    ...{ context: file.context ?? [], start: true },
    ...(file.verify && { verify: file.verify }),
    tickets: entries.map(([name, one]) => makeTicket(name, one, file)),
    promptFiles: Object.fromEntries(promptFiles),
  };
}

function makeTicket(name: string, own: TicketFile, plan: PlanFile): PlannedTicket {
  const agent = own.agent ?? plan.agent ?? undefined;
  return {
    ...{ ticket: ticketOf(name), argument: name, ...(own.prompt && { prompt: own.prompt }) },
    ...{ from: own.from ?? {}, with: own.with ?? [], own: own.own ?? [], touches: own.touches ?? [] },
    after: (own.after ?? []).map(ticketOf),
    stages: makeStages(own.stages ?? plan.stages ?? ['implement'], agent),
    merge: own.merge ?? plan.merge ?? false,
  };
}

function makeStages(all: readonly StageFile[], agent: string | undefined): Stage[] {
  const names = all.map((one) => (typeof one === 'string' ? one : one.name));
  return all.map((one, index) =>
    typeof one === 'string' ? makeKnownStage(one, { agent, before: names[index - 1] }) : makeStage(one, agent),
  );
}

function makeStage({ name, retries, ...one }: Exclude<StageFile, string>, agent: string | undefined): Stage {
  const { run, prompt, reviews, fixes } = one;
  const who = run ? { run, agent: one.agent ?? undefined } : { agent: one.agent ?? agent };
  const about = { ...(prompt && { prompt }), ...(reviews && { reviews }), ...(fixes && { fixes }) };
  return { name, ...who, ...about, retries: retries ?? DEFAULT_RETRIES };
}

/** A stage that is a name alone is of the ticket's agent, and about the stage before it. */
function makeKnownStage(
  name: Extract<StageFile, string>,
  { agent, before }: { agent: string | undefined; before: string | undefined },
): Stage {
  const about = name === 'review' ? { reviews: before } : name === 'fix' ? { fixes: before } : {};
  return { name, ...(name !== 'approve' && { agent }), ...about, retries: DEFAULT_RETRIES };
}

function checkPlan(source: ConfigSource, file: PlanFile, plan: Unplaced): Finding[] {
  const names = plan.tickets.map(({ argument }) => argument);
  const found = plan.tickets.flatMap((ticket) => checkTicket(ticket, file, plan));
  if (names.length === 0) found.push({ path: ['tickets'], message: 'a plan has a ticket at least' });
  if (!/^[A-Za-z][\w.-]{0,29}$/.test(plan.name)) {
    const hint = `\`name: ${plan.name.replaceAll(/[^\w.-]+/g, '-').replace(/^[^A-Za-z]+/, '') || 'plan'}\` names it otherwise`;
    found.push({
      path: ['tickets'],
      message: `${JSON.stringify(plan.name)}, as the file is called, is no name for a plan`,
      hint,
    });
  }
  const afterOf = new Map(plan.tickets.map(({ ticket, after }) => [ticket, after]));
  const cycle = findCycle([...afterOf.keys()], (ticket) => afterOf.get(ticket) ?? []);
  if (cycle) {
    const [first = ''] = cycle;
    const argument = plan.tickets.find(({ ticket }) => ticket === first)?.argument ?? first;
    found.push({
      path: ['tickets', argument, 'after'],
      message: `they would wait for each other: ${cycle.join(' after ')}`,
    });
  }
  return source.data === null ? [{ path: [], message: 'the plan is empty' }] : found;
}

function checkTicket(ticket: PlannedTicket, file: PlanFile, plan: Unplaced): Finding[] {
  const { argument } = ticket;
  const at = (...rest: (string | number)[]): KeyPath => ['tickets', argument, ...rest];
  const written = file.tickets[argument];
  const found: Finding[] = [...checkName(ticket, plan, at())];
  const known = plan.tickets.map((one) => one.ticket).filter((one) => one !== ticket.ticket);
  for (const [index, after] of ticket.after.entries())
    if (after !== ticket.ticket && !known.includes(after))
      found.push({
        path: at('after', index),
        message: `the plan has no ticket ${after}${renderSuggestion(after, known)}`,
      });
  if (written?.prompt && written.prompt_file)
    found.push({ path: at('prompt_file'), message: '`prompt` and `prompt_file` exclude each other' });
  const hasTask = ticket.prompt !== undefined || plan.promptFiles[ticket.ticket] !== undefined;
  const isAgents = ticket.stages.some(({ agent, prompt, reviews }) => agent !== undefined && !prompt && !reviews);
  if (isAgents && !hasTask)
    found.push({ path: at(), message: `${argument} has no task`, hint: 'add `prompt: …` or `prompt_file: …`' });
  const stagesAt: KeyPath = written?.stages ? at('stages') : file.stages ? ['stages'] : at();
  return [...found, ...checkStages(ticket, stagesAt)];
}

function checkName({ ticket, argument }: PlannedTicket, plan: Plan, path: KeyPath): Finding[] {
  const twin = plan.tickets.find((one) => one.argument !== argument && foldTicket(one.ticket) === foldTicket(ticket));
  if (twin) return [{ path, at: 'key', message: `${argument} and ${twin.argument} are one name to a disk` }];
  try {
    parseTicketName(argument);
    return [];
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return [{ path, at: 'key', message: error.message, hint: error.hint }];
  }
}

function checkStages({ stages }: PlannedTicket, at: KeyPath): Finding[] {
  if (stages.length === 0) return [{ path: at, message: 'a ticket has a stage at least' }];
  return stages.flatMap((stage, index) => {
    const path = at.at(-1) === 'stages' ? [...at, index] : at;
    return checkStage(stages, stage, index).map((problem) => ({ path, ...problem }));
  });
}

function checkStage(stages: readonly Stage[], stage: Stage, index: number): Omit<Finding, 'path'>[] {
  const { name, run, agent } = stage;
  const before = stages.slice(0, index);
  if (before.some((one) => one.name === name)) return [{ message: `two stages are called ${name}` }];
  if (run !== undefined && agent !== undefined)
    return [{ message: `${name} has \`run\` and \`agent\`: leave one away` }];
  if (run === undefined && agent === undefined && name !== 'approve') {
    const hint = 'add `agent: PRESET` to it, its ticket or the plan; or `run: COMMAND`';
    return [{ message: `nobody works in the stage ${name}`, hint }];
  }
  const message = explainAbout(stage, before);
  return message === undefined ? [] : [{ message }];
}

/** Undefined where the stage that another one is about is there, and what it must be. */
function explainAbout({ name, reviews, fixes }: Stage, before: readonly Stage[]): string | undefined {
  const about = reviews ?? fixes;
  if (about === undefined) return name === 'review' || name === 'fix' ? `${name} has no stage before it` : undefined;
  if (reviews !== undefined && fixes !== undefined) return `${name} both reviews and fixes: leave one away`;
  const names = before.map((one) => one.name);
  const other = before.find((one) => one.name === about);
  if (!other) return `${name} is about ${about}, which is no stage before it${renderSuggestion(about, names)}`;
  if (fixes !== undefined && other.reviews === undefined)
    return `${name} fixes what ${fixes} finds, which is no review`;
  return reviews !== undefined && other.reviews !== undefined
    ? `${name} reviews ${reviews}, which is a review itself`
    : undefined;
}
