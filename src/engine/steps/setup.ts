import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { makeFolder } from '../../adapters/files.ts';
import { noteIgnored } from '../../adapters/git/ignored.ts';
import type { Command } from '../../domain/config/config.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import type { Step, StepProgress } from '../../domain/step.ts';
import { buildSpec, requireDedicated } from '../spec.ts';
import { requireConfig, saveRecord, type Work } from '../work.ts';
import { sharedIds } from './service.ts';

const SHOWN_LINES = 30;

/** The `setup:` commands of a repo, run once where its first service runs; their output is kept in `.stack/logs/`. */
export function setupStep(work: Work, repo: string): Step {
  const record = requireDedicated(work.record, repo);
  const services = Object.entries(work.record.services).filter(([, service]) => service.repo === repo);
  const names = services.map(([name]) => name);
  return {
    id: `setup ${repo}`,
    subject: repo,
    title: 'setup commands',
    after: [
      `copy ${repo}`,
      `env-file ${repo}`,
      'network',
      ...sharedIds(work),
      ...names.flatMap((name) => [`image ${name}`, `volumes ${name}`]),
    ],
    async inspect() {
      const config = await requireConfig(work);
      return record.setUp || (config.repos[repo]?.setup ?? []).length === 0 ? 'present' : 'absent';
    },
    async apply(progress) {
      const config = await requireConfig(work);
      for (const command of config.repos[repo]?.setup ?? []) {
        await runSetup(work, { repo, service: names[0] }, command, progress);
      }
      await noteIgnored(record.worktree, record.envFiles);
      record.setUp = true;
      await saveRecord(work);
    },
    // What it made is in the worktree and in the volumes, and goes with them.
    goesAlong: true,
    async revert() {},
  };
}

/** Gives the file that keeps the output of a repo's setup commands. */
export function setupLogOf(root: string, ticket: string, repo: string): string {
  return path.join(root, '.stack', 'logs', ticket, `${repo}.setup.log`);
}

async function runSetup(
  work: Work,
  where: { repo: string; service: string | undefined },
  command: Command,
  progress: StepProgress,
): Promise<void> {
  const shown = typeof command === 'string' ? command : command.join(' ');
  throwIfAborted(progress.signal);
  progress.note(shown);
  const file = setupLogOf(work.stack.root, work.record.ticket, where.repo);
  await makeFolder(path.dirname(file));
  const log = createWriteStream(file, { flags: 'a', mode: 0o600 });
  const tail: string[] = [];
  log.write(`$ ${shown}\n`);
  try {
    const { runtime, spec } = await surroundings(work, where);
    const code = await runtime.run(
      spec,
      command,
      ({ text }) => {
        log.write(`${text}\n`);
        tail.push(text);
        if (tail.length > SHOWN_LINES) tail.shift();
        if (text.trim() !== '') progress.note(`${shown}: ${text.trim()}`);
      },
      progress.signal,
    );
    throwIfAborted(progress.signal);
    if (code !== 0) {
      throw new StackError('process', `setup of ${where.repo} failed: \`${shown}\` ended with exit code ${code}`, {
        hint: `all of its output is in ${file}`,
        lines: tail,
        details: { repo: where.repo, command: shown, exitCode: code, log: file },
      });
    }
  } finally {
    await new Promise((done) => log.end(done));
  }
}

/** A repo's first service lends its runtime, image and env; a repo without services is set up on this machine. */
async function surroundings(work: Work, { repo, service }: { repo: string; service: string | undefined }) {
  if (service !== undefined) {
    const runtime = await work.stack.runtime(work.record.services[service]?.runtime ?? 'process');
    return { runtime, spec: await buildSpec(work, service) };
  }
  const { worktree, gitCommonDir } = requireDedicated(work.record, repo);
  const { root, rootId, name: stack } = work.stack;
  const ticket = work.record.ticket;
  const spec = {
    ...{ root, rootId, stack, repo, gitCommonDir, source: worktree, instance: ticket, service: repo },
    ...{ name: `${ticket}-${repo}-setup`, dir: '', workingDir: worktree, image: undefined, command: undefined },
    ...{ env: { STACK_TICKET: ticket, STACK_ROOT: root }, ports: [], volumes: [], network: '', aliases: [], hash: '' },
  };
  return { runtime: await work.stack.runtime('process'), spec };
}
