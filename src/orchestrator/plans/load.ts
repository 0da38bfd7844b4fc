import { createHash } from 'node:crypto';
import path from 'node:path';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { isFromGit } from '../../adapters/git/tracked.ts';
import { revealText } from '../../domain/config/commands.ts';
import { StackError } from '../../domain/errors.ts';
import { type ParsedPlan, parsePlan } from '../../domain/plans/parse-plan.ts';
import type { Plan, PlannedTicket } from '../../domain/plans/plan.ts';
import type { Stack } from '../core/stack.ts';
import { checkRequest } from '../prepare/repos.ts';
import { requireAgent } from '../runs/preset.ts';

/**
 * Returns the plan that a file says, with the tasks that are in files of their own, once a person has looked at what of it came with git.
 * Throws `config`, `usage`, `not-found`, `process` (an agent that is not installed), `confirm`, `files`.
 */
export async function loadPlan(stack: Stack, file: string): Promise<Plan> {
  const { plan, files } = await readPlan(file);
  await checkNames(stack, plan);
  const foreign = (await Promise.all(files.map(async (one) => ((await isFromGit(one)) ? [one] : [])))).flat();
  if (foreign.length > 0) {
    const hash = createHash('sha256').update(JSON.stringify(plan)).digest('hex');
    const names = foreign.map((one) => revealText(path.relative(stack.root, one)));
    await stack.requireTrustOf({ files: names, commands: listRunning(plan), hash });
  }
  return plan;
}

/** Returns the plan that a file says, and the files that it is made of. Throws `config`, `usage`, `files`. */
export async function readPlan(file: string): Promise<{ plan: Plan; files: string[] }> {
  const text = await readFileIfThere(file);
  if (text === undefined) {
    throw new StackError('usage', `there is no file ${file}`, {
      hint: 'stack plan FILE.yml starts a plan; `stack plan --help` lists what else there is',
    });
  }
  const { promptFiles, ...parsed } = parsePlan({ path: path.basename(file), text });
  const at = (name: string): string => path.resolve(path.dirname(file), name);
  const tickets = await Promise.all(parsed.tickets.map((ticket) => withTask(ticket, promptFiles, at)));
  const context = parsed.context.map(at);
  return { plan: { ...parsed, context, tickets }, files: [file, ...Object.values(promptFiles).map(at)] };
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

/** What a create or a run would refuse is told before anything is made. */
async function checkNames(stack: Stack, plan: Plan): Promise<void> {
  const config = await stack.config();
  for (const { argument, from, with: withRepos, stages } of plan.tickets) {
    try {
      checkRequest(config, { from, on: {}, with: withRepos });
      for (const { agent } of stages) if (agent !== undefined) await requireAgent(agent, stack);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      const { hint, lines, details } = error;
      throw new StackError(error.code, `${argument}: ${error.message}`, { ...(hint && { hint }), lines, details });
    }
  }
}

/** Agents do with a person's rights what they are told, so that counts as well. */
function listRunning({ verify, tickets }: Plan): string[] {
  const all = tickets.flatMap(({ argument, prompt, stages }) =>
    stages.flatMap(({ name, run, agent, prompt: own }) => {
      if (run !== undefined) return [`${argument} ${name}: ${revealText(run)}`];
      return agent === undefined ? [] : [`${argument} ${name}: ${agent}: ${revealText(own ?? prompt ?? '')}`];
    }),
  );
  return [...(verify === undefined ? [] : [`verify: ${revealText(verify)}`]), ...new Set(all)];
}
