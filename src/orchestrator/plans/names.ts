import type { StackConfig } from '../../domain/config/config.ts';
import { type ConfigSource, findWritten, type KeyPath } from '../../domain/config/place.ts';
import { type Finding, refuseFindings } from '../../domain/config/problems.ts';
import { StackError } from '../../domain/errors.ts';
import type { Plan, PlannedTicket } from '../../domain/plans/plan.ts';
import type { DocumentRecord } from '../../domain/task.ts';
import type { Stack } from '../core/stack.ts';
import { explainOwn } from '../data/own.ts';
import { explainRepo } from '../prepare/repos.ts';
import { planTold } from '../runs/brief/documents.ts';
import { requireAgent } from '../runs/preset.ts';

interface Explained {
  message: string;
  hint: string;
}

/**
 * Checks all that a plan names before anything is made of it: repos, shared services, agents, documents. Returns the documents for all
 * tickets with their hashes. Throws `config` with file, line and column, `process` for an agent that is not installed, `files`.
 */
export async function checkNames(
  stack: Stack,
  { plan, source }: { plan: Plan; source: ConfigSource },
): Promise<DocumentRecord[]> {
  const config = await stack.config();
  const context = await readContext(plan);
  const agents = await checkAgents(stack, plan, source);
  const tickets = plan.tickets.flatMap((ticket) => checkTicket(config, ticket));
  refuseFindings([source], [...context.found, ...tickets, ...agents]);
  return context.documents;
}

async function readContext({ context }: Plan): Promise<{ documents: DocumentRecord[]; found: Finding[] }> {
  let documents: DocumentRecord[] = [];
  const found: Finding[] = [];
  for (const [index, file] of context.entries()) {
    const finding = await refusalOf(['context', index], async () => {
      ({ documents = [] } = (await planTold({ context: [file], documents, flag: 'context' })).record);
    });
    if (finding) found.push(finding);
  }
  return { documents, found };
}

async function checkAgents(stack: Stack, { tickets }: Plan, source: ConfigSource): Promise<Finding[]> {
  const places = new Map<string, KeyPath>();
  for (const { argument, stages } of tickets) {
    for (const [index, { agent }] of stages.entries())
      if (agent !== undefined && !places.has(agent)) places.set(agent, findAgent(source, { argument, index, agent }));
  }
  const found: Finding[] = [];
  for (const [agent, at] of places) {
    const finding = await refusalOf(at, () => requireAgent(agent, stack));
    if (finding) found.push(finding);
  }
  return found;
}

/** An agent may be said by a stage, by its ticket, or by the plan for all. */
function findAgent(
  source: ConfigSource,
  { argument, index, agent }: { argument: string; index: number; agent: string },
): KeyPath {
  const own: KeyPath = ['tickets', argument];
  const places: KeyPath[] = [
    [...own, 'stages', index, 'agent'],
    [...own, 'agent'],
    ['stages', index, 'agent'],
  ];
  return places.find((at) => findWritten([source], at) === agent) ?? ['agent'];
}

function checkTicket(config: StackConfig, { argument, from, with: shared, own, touches }: PlannedTicket): Finding[] {
  const at = (...rest: (string | number)[]): KeyPath => ['tickets', argument, ...rest];
  const told = (path: KeyPath, why: Explained | undefined): Finding[] => (why ? [{ path, ...why }] : []);
  return [
    ...Object.keys(from).flatMap((repo) => told(at('from', repo), explainRepo(config, repo))),
    ...shared.flatMap((repo, index) => told(at('with', index), explainRepo(config, repo))),
    ...own.flatMap((name, index) => told(at('own', index), explainOwn(config, name))),
    ...touches.flatMap((glob, index) => {
      const repo = repoOf(glob);
      return repo === undefined ? [] : told(at('touches', index), explainRepo(config, repo));
    }),
  ];
}

/** Undefined where a pattern begins with one for repos. */
function repoOf(glob: string): string | undefined {
  const [first = ''] = glob.replace(/^\.\//, '').split('/');
  return /[*?{[(!]/.test(first) ? undefined : first;
}

/** Returns why a name is refused, at its place in the file; what stack itself or the machine lacks is thrown. */
async function refusalOf(path: KeyPath, look: () => Promise<unknown>): Promise<Finding | undefined> {
  try {
    await look();
    return undefined;
  } catch (error) {
    if (!(error instanceof StackError) || (error.code !== 'usage' && error.code !== 'not-found')) throw error;
    return { path, shown: [], message: error.message, hint: error.hint };
  }
}
