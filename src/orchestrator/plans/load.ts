import { createHash } from 'node:crypto';
import path from 'node:path';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { isFromGit } from '../../adapters/git/tracked.ts';
import { revealText } from '../../domain/config/commands.ts';
import { StackError } from '../../domain/errors.ts';
import { type ParsedPlan, parsePlan } from '../../domain/plans/parse-plan.ts';
import type { Plan, PlannedTicket } from '../../domain/plans/plan.ts';
import type { DocumentRecord } from '../../domain/task.ts';
import type { Stack } from '../core/stack.ts';
import { checkNames } from './names.ts';

/** A plan, and the files that it is made of. */
interface ReadPlan {
  plan: Plan;
  files: string[];
  /** The documents for all tickets, with their hashes. */
  documents: DocumentRecord[];
}

/**
 * Returns the plan that a file says, with the tasks that are in files of their own, once a person has looked at what of it came with git.
 * Throws `config`, `usage`, `process` (an agent that is not installed), `confirm`, `files`.
 */
export async function loadPlan(stack: Stack, file: string): Promise<Plan> {
  const { plan, files, documents } = await readPlan(stack, file);
  const foreign = (await Promise.all(files.map(async (one) => ((await isFromGit(one)) ? [one] : [])))).flat();
  if (foreign.length > 0) {
    const hash = createHash('sha256')
      .update(JSON.stringify([plan, documents]))
      .digest('hex');
    const nameOf = (one: string): string => revealText(path.relative(stack.root, one));
    const told = [...listRunning(plan), ...plan.context.map((one) => `context: ${nameOf(one)}`)];
    await stack.requireTrustOf({ files: foreign.map(nameOf), commands: told, hash });
  }
  return plan;
}

/** Returns the plan that a file says, once all that it names is there. Runs nothing. Throws `config`, `usage`, `process`, `files`. */
export async function readPlan(stack: Stack, file: string): Promise<ReadPlan> {
  const text = await readFileIfThere(file);
  if (text === undefined) {
    throw new StackError('usage', `there is no file ${file}`, {
      hint: 'stack plan FILE.yml starts a plan; `stack plan --help` lists what else there is',
    });
  }
  const { promptFiles, source, ...parsed } = parsePlan({ path: path.basename(file), text });
  const at = (name: string): string => path.resolve(path.dirname(file), name);
  const tickets = await Promise.all(parsed.tickets.map((ticket) => withTask(ticket, promptFiles, at)));
  const plan = { ...parsed, context: parsed.context.map(at), tickets };
  const documents = await checkNames(stack, { plan, source });
  return { plan, files: [file, ...Object.values(promptFiles).map(at), ...plan.context], documents };
}

async function withTask(
  ticket: PlannedTicket,
  promptFiles: ParsedPlan['promptFiles'],
  at: (name: string) => string,
): Promise<PlannedTicket> {
  const name = promptFiles[ticket.ticket];
  if (name === undefined) return ticket;
  const prompt = await readFileIfThere(at(name));
  if (prompt !== undefined) return { ...ticket, prompt };
  throw new StackError('config', `${ticket.argument}: there is no file ${at(name)}`, {
    hint: '`prompt_file:` is read beside the plan',
  });
}

/** Agents do with a person's rights what they are told, so that counts as well. */
function listRunning({ verify, tickets }: Plan): string[] {
  const all = tickets.flatMap(({ argument, prompt, stages }) =>
    stages.flatMap(({ name, run, agent, prompt: own }) => {
      if (run !== undefined) return [`${argument} ${name}: ${revealText(run)}`];
      if (agent === undefined) return [];
      const said = [own, prompt].filter((text) => text !== undefined);
      const who = `${argument} ${name}: ${agent}`;
      return said.length > 0 ? said.map((text) => `${who}: ${revealText(text)}`) : [who];
    }),
  );
  return [...(verify === undefined ? [] : [`verify: ${revealText(verify)}`]), ...new Set(all)];
}
