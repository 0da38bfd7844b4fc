import { findCompose } from '../adapters/compose.ts';
import { isThere } from '../adapters/files.ts';
import { gitVersion } from '../adapters/git/git.ts';
import { inspectWorktree } from '../adapters/git/worktree.ts';
import { StackError } from '../domain/errors.ts';
import { BASELINE, dedicatedRepos, type InstanceRecord, type StackState } from '../domain/instance.ts';
import { isOwnerAlive } from './claim.ts';
import { factsOf } from './plan.ts';
import { chooseRuntime } from './runtime-choice.ts';
import type { Stack } from './stack.ts';

/** One line of doctor: all is well, or what to do. */
export interface Finding {
  subject: string;
  ok: boolean;
  text: string;
  hint?: string;
}

/** Checks everything stack stands on; each part says for itself what is wrong. Changes nothing. */
export async function examine(
  openStack: (() => Promise<Stack>) | undefined,
  surroundings: { env: Record<string, string | undefined>; cwd: string },
): Promise<Finding[]> {
  const git = await report('git', async () => `git ${await gitVersion()}`);
  if (!openStack) {
    const hint = '`stack init` writes one';
    return [
      git,
      { subject: 'config', ok: false, text: `no stack.yml in ${surroundings.cwd} or any folder above`, hint },
    ];
  }
  const config = await report('config', async () => {
    const { repos, services } = await (await openStack()).config();
    return `stack.yml: ${count(Object.keys(repos), 'repo')}, ${count(Object.keys(services), 'service')}`;
  });
  const stack = await openStack().catch(() => undefined);
  if (!stack) return [git, config];
  const repos = config.ok ? await examineRepos(stack) : [];
  return [git, config, ...repos, ...(await examineEngine(stack)), ...(await examineState(stack))];
}

async function examineRepos(stack: Stack): Promise<Finding[]> {
  const config = await stack.config();
  return Promise.all(
    Object.keys(config.repos).map((repo) =>
      report(repo, async () => {
        const facts = await factsOf(stack, config, repo);
        return `${facts.top} on ${facts.branch ?? 'a detached HEAD'}`;
      }),
    ),
  );
}

async function examineEngine(stack: Stack): Promise<Finding[]> {
  const config = await stack.config().catch(() => undefined);
  const wishes = Object.values(config?.services ?? {}).map((service) => service.runtime);
  const sharesAny = Object.keys(config?.shared.services ?? {}).length > 0;
  const check = await stack.checkEngine();
  const needed = wishes.includes('docker') || config?.runtime === 'docker';
  const engine: Finding = check.ok
    ? { subject: 'engine', ok: true, text: `Docker Engine ${check.version} at ${check.where}` }
    : { subject: 'engine', ok: !needed, text: check.reason, hint: check.hint };
  const chosen = config && (await chooseRuntime(stack, config.runtime));
  const runtime: Finding[] = chosen ? [{ subject: 'runtime', ok: true, text: `${chosen.name}: ${chosen.why}` }] : [];
  if (!check.ok || !sharesAny) return [engine, ...runtime];
  const tool = await findCompose({ ...stack.env, ...(await stack.docker()).env });
  const compose: Finding = tool
    ? { subject: 'compose', ok: true, text: `${tool.command.join(' ')} ${tool.version}` }
    : {
        subject: 'compose',
        ok: false,
        text: 'neither `docker compose` nor `docker-compose` is here',
        hint: 'install Docker Compose',
      };
  return [engine, compose, ...runtime];
}

async function examineState(stack: Stack): Promise<Finding[]> {
  let state: StackState | undefined;
  const file = await report('state', async () => {
    state = await stack.store.read();
    return count(Object.keys(state.instances), 'ticket');
  });
  if (!state) return [file];
  const known = state;
  const tickets = await Promise.all(Object.values(known.instances).map((record) => examineInstance(record)));
  return [file, ...tickets.flat(), ...(await examineOrphans(stack, known))];
}

async function examineInstance(record: InstanceRecord): Promise<Finding[]> {
  const { ticket } = record;
  if (record.phase !== 'ready' && !(await isOwnerAlive(record))) {
    const verb = record.phase === 'creating' ? 'create' : 'destroy';
    return [
      { subject: ticket, ok: false, text: `a ${verb} did not finish`, hint: `\`stack destroy ${ticket}\` clears it` },
    ];
  }
  const worktrees = await Promise.all(
    dedicatedRepos(record).map(async ([repo, { path: repoPath, worktree, branch }]): Promise<Finding[]> => {
      if (!(await isThere(repoPath))) {
        return [
          {
            subject: ticket,
            ok: false,
            text: `the main checkout of ${repo} is gone from ${repoPath}`,
            hint: 'put it back',
          },
        ];
      }
      const found = await inspectWorktree({ repoPath, path: worktree, branch });
      if (found.state === 'present') return [];
      const hint = found.state === 'absent' ? `\`stack start ${ticket}\` makes it again` : 'fine if you meant it';
      return [
        {
          subject: ticket,
          ok: found.state === 'different',
          text: `${repo}: ${found.reason ?? 'the worktree is gone'}`,
          hint,
        },
      ];
    }),
  );
  const problems = worktrees.flat();
  return problems.length > 0 ? problems : [{ subject: ticket, ok: true, text: 'worktrees are as recorded' }];
}

/** Workloads of this root that no record knows. */
async function examineOrphans(stack: Stack, state: StackState): Promise<Finding[]> {
  const runtime = await stack.runtime('docker');
  if (!(await runtime.check()).ok) return [];
  const records = new Map([...Object.entries(state.instances), [BASELINE, state.baseline] as const]);
  const orphans = (await runtime.status(stack.rootId)).filter(
    ({ instance, service }) => !records.get(instance)?.services[service],
  );
  return orphans.map(({ name }) => ({
    subject: 'engine',
    ok: false,
    text: `the container ${name} belongs to no ticket`,
    hint: `\`docker rm -f ${name}\` removes it`,
  }));
}

async function report(subject: string, check: () => Promise<string>): Promise<Finding> {
  try {
    return { subject, ok: true, text: await check() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const hint = error instanceof StackError ? error.hint : undefined;
    return { subject, ok: false, text, ...(hint !== undefined && { hint }) };
  }
}

function count(items: readonly unknown[], noun: string): string {
  return `${items.length} ${noun}${items.length === 1 ? '' : 's'}`;
}
