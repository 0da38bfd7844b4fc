import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { makeFolder } from '../../adapters/files.ts';
import type { Command } from '../../domain/config/config.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import type { StepProgress } from '../../domain/step.ts';
import { buildSpec, requireDedicated } from '../spec.ts';
import type { Work } from '../work.ts';

const SHOWN_LINES = 30;

/** Gives the file that keeps the output of a repo's setup and migrate commands. */
export function setupLogOf(root: string, ticket: string, repo: string): string {
  return path.join(root, '.stack', 'logs', ticket, `${repo}.setup.log`);
}

/**
 * Runs one of a repo's own commands in the surroundings of its first service. Throws `process` with the last lines when it
 * fails, `interrupted`.
 */
export async function runRepoCommand(
  work: Work,
  where: { repo: string; service: string | undefined; kind: 'setup' | 'migrate' },
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
      throw new StackError(
        'process',
        `${where.kind} of ${where.repo} failed: \`${shown}\` ended with exit code ${code}`,
        {
          hint: `all of its output is in ${file}`,
          lines: tail,
          details: { repo: where.repo, command: shown, exitCode: code, log: file },
        },
      );
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
