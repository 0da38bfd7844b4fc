import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExecOptions } from '../../src/domain/runtime.ts';
import { onLinuxAlone } from '../support/mac.ts';
import { isRunning, makeProcessWorld, type ProcessWorld } from '../support/process-world.ts';
import { until } from '../support/until.ts';

let world: ProcessWorld;
const never = new AbortController().signal;

beforeEach(() => {
  world = makeProcessWorld();
});

afterEach(() => world.end());

const sleeper = 'setInterval(() => {}, 1000); console.log("up", process.pid);';

/** Streams of a caller that is no terminal; what the command says is collected. */
function makeStreams(input?: string) {
  const text = { stdout: '', stderr: '' };
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  if (input !== undefined) stdin.end(input);
  const options = { tty: false, stdin, stdout, stderr, signal: never } as unknown as ExecOptions;
  return { text, options };
}

describe('exec', () => {
  it('runs in the folder and env of the service and gives the exit code', async () => {
    const spec = world.spec('exec sleep 1000', { env: { COLOUR: 'blue' } });
    await world.runtime.start(spec, never);
    const { text, options } = makeStreams('words in\n');
    const code = await world.runtime.exec(
      spec,
      ['sh', '-c', 'read -r x; echo "$x $COLOUR $PWD"; echo bad >&2; exit 7'],
      options,
    );
    expect(code).toBe(7);
    expect(text).toEqual({ stdout: `words in blue ${world.source}\n`, stderr: 'bad\n' });
    expect(await world.runtime.exec(spec, ['sh', '-c', 'kill -TERM $$'], makeStreams().options)).toBe(143);
  });

  it('gives no shell and no surprises to arguments', async () => {
    const spec = world.spec('exec sleep 1000');
    await world.runtime.start(spec, never);
    const { text, options } = makeStreams();
    await world.runtime.exec(spec, ['printf', '%s\n', '$HOME; "x"', '--watch'], options);
    expect(text.stdout).toBe('$HOME; "x"\n--watch\n');
  });

  it('is not ended with the service, and ends what it runs when aborted', async () => {
    const spec = world.spec('exec sleep 1000');
    await world.runtime.start(spec, never);
    const stop = new AbortController();
    const { text, options } = makeStreams();
    const running = world.runtime
      .exec(spec, world.script(sleeper), { ...options, signal: stop.signal })
      .catch((error) => error);
    await until('it is up', () => /up \d+/.test(text.stdout));
    const pid = Number(/up (\d+)/.exec(text.stdout)?.[1]);
    await world.runtime.stop(spec);
    expect(isRunning(pid)).toBe(true);
    stop.abort();
    expect(await running).toMatchObject({ code: 'interrupted' });
    expect(isRunning(pid)).toBe(false);
  });

  it('does not wait for what the command leaves in the background', async () => {
    const spec = world.spec('exec sleep 1000');
    await world.runtime.start(spec, never);
    const { text, options } = makeStreams();
    expect(await world.runtime.exec(spec, ['sh', '-c', 'sleep 1000 & echo $!'], options)).toBe(0);
    process.kill(Number(text.stdout), 'SIGKILL');
  });

  it('says that nothing runs, or that there is no such program', async () => {
    mkdirSync(path.join(world.source, 'no-program-either'));
    const spec = world.spec('exec sleep 1000', { env: { PATH: `${process.env.PATH}:${world.source}` } });
    const { text, options } = makeStreams();
    const exec = (program: string) => world.runtime.exec(spec, [program], options).catch((error) => error);
    expect(await exec('true')).toMatchObject({ code: 'not-found' });
    await world.runtime.start(spec, never);
    expect(await exec('no-such-program')).toBe(127);
    // To the system a folder of that name on the PATH is one that it may not run.
    expect(await exec('no-program-either')).toBe(127);
    expect(await exec('/etc/passwd')).toBe(126);
    expect(text.stderr).toBe(
      'no-such-program was not found\nno-program-either was not found\n/etc/passwd is not executable\n',
    );
    await world.runtime.stop(spec);
    expect(await exec('true')).toMatchObject({ code: 'not-found' });
  });
});

describe('run', () => {
  it('gives the lines and the exit code, beside a service that goes on', async () => {
    const spec = world.spec('exec sleep 1000', { env: { COLOUR: 'blue' } });
    await world.runtime.start(spec, never);
    const lines: unknown[] = [];
    const command = 'echo $COLOUR; echo bad >&2; printf end; exit 5';
    expect(await world.runtime.run(spec, command, (line) => lines.push(line), never)).toBe(5);
    expect(lines).toHaveLength(3);
    expect(lines).toContainEqual({ stream: 'stdout', text: 'blue' });
    expect(lines).toContainEqual({ stream: 'stderr', text: 'bad' });
    expect(lines).toContainEqual({ stream: 'stdout', text: 'end' });
    expect(await world.state()).toBe('running');
  });

  it.each(['ended', 'aborted'])('leaves nothing in the background when it has %s', async (how) => {
    const stop = new AbortController();
    const pids: number[] = [];
    const files = ['one', 'two'].map((name) => path.join(world.source, name));
    const [one, two] = files.map((file) =>
      world.script(`import fs from 'node:fs'; ${sleeper} fs.writeFileSync('${file}', '');`).join(' '),
    );
    const ready = `while ! test -e ${files[0]} || ! test -e ${files[1]}; do sleep 0.02; done`;
    const command = `${one} & setsid ${two} & ${ready}; ${how === 'aborted' ? 'echo ready; wait' : ''}`;
    const onLine = ({ text }: { text: string }) => {
      const pid = /^up (\d+)$/.exec(text)?.[1];
      if (pid) pids.push(Number(pid));
      if (text === 'ready') stop.abort();
    };
    const answer = await world.runtime.run(world.spec('true'), command, onLine, stop.signal).catch((error) => error);
    if (how === 'aborted') expect(answer).toMatchObject({ code: 'interrupted' });
    else expect(answer).toBe(0);
    expect(pids).toHaveLength(2);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('says that there is no such program', async () => {
    const run = world.runtime.run(world.spec('true'), ['no-such-program'], () => {}, never);
    expect(await run.catch((error) => error)).toMatchObject({
      code: 'process',
      message: 'no-such-program was not found',
    });
  });
});

/** Makes a program of some lines of TypeScript. */
async function bundle(contents: string): Promise<string> {
  const outfile = path.join(world.root, 'killed.mjs');
  await build({
    stdin: { contents, resolveDir: path.resolve(import.meta.dirname, '../..'), loader: 'ts' },
    ...{ outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
  });
  return outfile;
}

describe('a stack that is killed in the middle of a start', () => {
  it('leaves nothing running that was not written down', async () => {
    const program = await bundle(`
      import { openSync } from 'node:fs';
      import { launch } from './src/adapters/process/launch.ts';
      const [folder, when] = process.argv.slice(2);
      const log = { fd: openSync(folder + '/log', 'a') };
      const argv = ['sh', '-c', 'echo began > ' + folder + '/began; exec sleep 1000'];
      const output = { stdout: log, stderr: log };
      const { pid, release } = await launch({ argv, cwd: folder, env: process.env, output, exitFile: folder + '/exit' });
      if (when === 'after') await release();
      console.log(pid);
      process.kill(process.pid, 'SIGKILL');
    `);
    const crash = (when: string) =>
      Number(spawnSync(process.execPath, [program, world.root, when], { encoding: 'utf8' }).stdout);
    const early = crash('before');
    await until('the launcher is gone', () => !isRunning(early));
    expect(existsSync(path.join(world.root, 'began'))).toBe(false);
    const late = crash('after');
    await until('the command runs', () => existsSync(path.join(world.root, 'began')));
    expect(isRunning(late)).toBe(true);
    process.kill(-late, 'SIGKILL');
  });
});

describe.runIf(process.platform === 'linux')('a stack that is killed in the middle of a set-up', () => {
  /** Runs a command until it prints `up <pid>` as often, then kills what started it, and its guard where it is to have none. */
  const crash = async (command: string, { count, guarded }: { count: number; guarded: boolean }): Promise<number[]> => {
    const program = await bundle(`
      import { createProcessRuntime } from './src/adapters/process/process.ts';
      const [root, rootId, spec, command, count] = process.argv.slice(2);
      const onLine = ({ text }) => {
        console.log(text);
        if (--left === 0) process.kill(process.pid, 'SIGKILL');
      };
      let left = Number(count);
      const runtime = createProcessRuntime({ root, rootId, env: process.env });
      await runtime.run(JSON.parse(spec), command, onLine, new AbortController().signal);
    `);
    const spec = JSON.stringify(world.spec('true'));
    const line = guarded ? command : `pkill -KILL -g $$ -f 'read -[r] word'; ${command}`;
    const args = [program, world.root, world.rootId, spec, line, String(count)];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return [...stdout.matchAll(/^up (\d+)$/gm)].map(([, pid]) => Number(pid));
  };

  it('takes it along, what hears no SIGTERM and what left its group included', async () => {
    const up = 'echo up $$; exec sleep 1000';
    const command = `sh -c 'trap "" TERM; ${up}' & setsid sh -c '${up}' & ${up}`;
    const pids = await crash(command, { count: 3, guarded: true });
    expect(pids).toHaveLength(3);
    await until('nothing of it runs', () => pids.every((pid) => !isRunning(pid)));
  });

  // What is killed here is a program of the tests, which tells processes as Linux does.
  onLinuxAlone(
    'has written it down for who unmakes the instance, and for who begins another of that repo',
    async () => {
      const again = () => world.runtime.run(world.spec('true'), 'true', () => {}, never);
      const unmake = async () => world.runtime.endRuns?.({ rootId: world.rootId, instance: 'feat-01', repo: 'api' });
      // What is none of ours is in the way of nobody.
      const folder = path.join(world.root, '.stack/run/feat-01');
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'empty.run'), '');
      writeFileSync(path.join(folder, 'copied.run'), JSON.stringify({ rootId: 'x' }));
      for (const end of [again, unmake]) {
        const pids = await crash('echo up $$; exec sleep 1000', { count: 1, guarded: false });
        expect(pids.map(isRunning)).toEqual([true]);
        await end();
        expect(pids.map(isRunning)).toEqual([false]);
      }
      expect(existsSync(folder)).toBe(false);
    },
  );
});
