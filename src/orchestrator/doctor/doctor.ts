import { findCompose } from '../../adapters/docker/compose.ts';
import { gitVersion } from '../../adapters/git/git.ts';
import { listLooks } from '../../adapters/process/looks.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered, throwIfAborted } from '../../domain/errors.ts';
import { listRecords } from '../../domain/instance.ts';
import { HOST_RUNTIME, keepToEngine, RUNTIMES, tellSilent } from '../../domain/runtime.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { factsOf } from '../prepare/repos.ts';
import { chooseRuntime } from '../prepare/runtime.ts';
import { findLostEngine } from '../safety/lost-engine.ts';
import { count, type Finding, report } from './finding.ts';
import { examineState } from './state.ts';

/** Checks everything stack stands on; each part says for itself what is wrong. Changes nothing. */
export async function examine(
  openStack: (() => Promise<Stack>) | undefined,
  surroundings: { env: Record<string, string | undefined>; cwd: string },
): Promise<Finding[]> {
  const git = await report('git', async () => `git ${await gitVersion()}`);
  const looks = await Promise.all(Object.entries(listLooks()).map(([tool, look]) => report(tool, look)));
  if (!openStack) {
    const hint = '`stack init` writes one';
    return [
      git,
      ...looks,
      { subject: 'config', ok: false, text: `no stack.yml in ${surroundings.cwd} or any folder above`, hint },
    ];
  }
  const config = await report('config', async () => {
    const { repos, services } = await (await openStack()).config();
    return `stack.yml: ${count(Object.keys(repos), 'repo')}, ${count(Object.keys(services), 'service')}`;
  });
  const stack = await ifAnswered(openStack);
  if (!stack) return [git, ...looks, config];
  const repos = config.ok ? await examineRepos(stack) : [];
  const idle = await tellIdle(stack);
  const findings = [
    ...[git, ...looks, config, ...repos, ...(await examineEngine(stack))],
    ...[...idle, ...(await examineState(stack))],
  ];
  // Half a look says nothing.
  throwIfAborted(stack.signal);
  return findings;
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

/** Nobody is awake for `idle:`. */
async function tellIdle(stack: Stack): Promise<Finding[]> {
  if ((await configIfReadable(stack))?.idleSeconds === undefined) return [];
  const text =
    'tickets that nobody uses are paused by the next `stack ps`, `create`, `start` or `resume`, and not before';
  return [{ subject: 'idle', ok: true, text }];
}

function wantsProcesses(config: StackConfig | undefined): boolean {
  const services = Object.values(config?.services ?? {});
  return services.length > 0 && services.every(({ runtime }) => runtime === HOST_RUNTIME);
}

async function examineEngine(stack: Stack): Promise<Finding[]> {
  const config = await configIfReadable(stack);
  const requested = config ? [config, ...Object.values(config.services)] : [];
  const sharesAny = Object.keys(config?.shared.services ?? {}).length > 0;
  const check = await stack.checkEngine();
  const left = check.ok ? [] : await listLeftInEngine(stack);
  const needed = requested.some(({ runtime }) => runtime !== 'auto' && RUNTIMES[runtime].engine) || left.length > 0;
  const holds = left.length > 0 ? `; containers or data of ${left.join(', ')} are in it` : '';
  const engine: Finding = check.ok
    ? {
        subject: 'engine',
        ok: true,
        text: `Docker Engine ${check.version} at ${check.where}${tellSilent(check.silent)}`,
      }
    : tellMissing(needed, `${check.reason}${holds}`, wantsProcesses(config) ? keepToEngine(check.hint) : check.hint);
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

function tellMissing(needed: boolean, reason: string, hint: string | undefined): Finding {
  const text = needed ? reason : `none is needed: ${reason}`;
  return { subject: 'engine', ok: !needed, text, ...(hint !== undefined && { hint }) };
}

/** Names the tickets, and the baseline, that have something in the engine that does not answer. */
async function listLeftInEngine(stack: Stack): Promise<string[]> {
  // A state that cannot be read is told of by its own line.
  const { shared = {}, ...state } = (await ifAnswered(() => stack.store.read())) ?? {};
  const records = listRecords(state);
  const lost = await Promise.all(records.map((record) => findLostEngine(stack, { record, shared })));
  return records.filter((_, index) => lost[index] !== undefined).map(({ ticket }) => ticket);
}
