import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BIN, listProcesses, makeShop, type Running, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** What a test starts carries this in its environment, whatever group or session it moves to. */
function listCarriers(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readWords(pid, 'environ').includes(`HOME=${folder}`))
    .filter((pid) => !readWords(pid, 'cmdline').join('').includes('redis') && Number(pid) !== process.pid)
    .map(Number);
}

function readWords(pid: string, file: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Three processes deep, one of them in a session of its own. `$0` says that it has begun. */
const HANG = 'sh -c \'setsid sleep 301 & sleep 302 & touch "$0"; sleep 303; sleep 304\'';
/** Deaf to all but SIGKILL. */
const DEAF = HANG.replace('sleep 302', 'trap "" TERM HUP INT; sleep 302');

describe.runIf(process.platform === 'linux')('an interruption', () => {
  let shop: Shop;
  let before: string;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const settle = (): void => {
    before = photograph();
  };
  const photograph = (): string => shop.photograph().replace(/^records: .*$|^.*\/begun .*\n/gm, '');
  const mark = (): string => shop.at('../begun');
  const hook = (repo: string, script: string): void => {
    shop.write(`${repo}/.git/hooks/post-checkout`, `#!/bin/sh\n${script}\n`);
    chmodSync(shop.at(repo, '.git/hooks/post-checkout'), 0o755);
  };
  const begin = async (...args: string[]): Promise<Running> => {
    const running = shop.start(args);
    const over = running.ended.then((run) => {
      throw new Error(`it ended by itself with ${run.code}: ${run.stderr}`);
    });
    await Promise.race([over, until('it has begun', () => existsSync(mark()), 60)]);
    return running;
  };
  const expectUnmade = async (running: Running, code: number): Promise<void> => {
    const run = await running.ended;
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toMatch(/^stack: interrupted$/m);
    expect(run.stderr).not.toMatch(/^\s+at /m);
    await until('nothing of it runs', () => listCarriers(shop.folder).length === 0);
    expect(photograph()).toBe(before);
  };

  /** Every phase of a create in which something may take long, and how it is made to. */
  const phases: [string, () => void][] = [
    ['git work', () => hook('front', `${HANG} ${mark()}`)],
    ['a setup command', () => configure('path: ./front,', `path: ./front, setup: [${yaml(`${HANG} ${mark()}`)}],`)],
    ['the wait for a service', () => configure('node server.mjs', `touch ${mark()}; exec sleep 305`)],
  ];

  function configure(text: string, instead: string): void {
    shop.configure((config) => config.replace(text, () => instead));
  }

  it.each(
    phases.flatMap(([name, prepare]) =>
      (
        [
          ['SIGINT', 130],
          ['SIGTERM', 143],
          ['SIGHUP', 143],
        ] as const
      ).map(([signal, code]) => ({ name, prepare, signal, code })),
    ),
  )('in $name by $signal unwinds all and ends with $code', async ({ prepare, signal, code }) => {
    prepare();
    settle();
    const running = await begin('create', 'feat-01');
    running.kill(signal);
    await expectUnmade(running, code);
    expect(shop.state()?.instances).toEqual({});
  });

  it.each(phases.slice(0, 2))('that comes twice in %s leaves at once with the whole tree', async (_, prepare) => {
    prepare();
    settle();
    const running = await begin('create', 'feat-01');
    running.kill('SIGINT');
    await until('it has begun to unwind', () => running.pid > 0);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130 });
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    if (run.code !== 0) expect(run.stderr).toContain('there is no ticket "feat-01"');
    await shop.stack(['down']);
    await until('what it started has ended', () => listProcesses(shop.root).length === 0);
    // Nor is anything left of what git called, which does not know the root.
    expect(listCarriers(shop.folder)).toEqual([]);
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('of a destroy stops between two steps, and a second destroy goes on from there', async () => {
    // A service as young as this is told to end again and again.
    const slow = `trap "trap '' TERM; touch ${mark()}; sleep 3; exit" TERM; while :; do sleep 0.1; done`;
    configure('repo: front\n    command: node server.mjs', `repo: front\n    command: ${yaml(slow)}`);
    await shop.stack(['create', 'feat-01', '--no-wait']);
    const running = await begin('destroy', 'feat-01');
    running.kill('SIGINT');
    const run = await running.ended;
    expect(run).toMatchObject({ code: 130, stdout: '' });
    expect(run.stderr).toMatch(/^hint: `stack destroy feat-01` goes on from there$/m);
    expect((await shop.stack(['ps'])).stdout).toMatch(/feat-01 .*broken/);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('by a terminal that is gone unwinds as well, with nobody to tell', async () => {
    configure('path: ./front,', `path: ./front, setup: [${yaml(`${HANG} ${mark()}`)}],`);
    settle();
    const line = `${process.execPath} ${BIN} create feat-01`;
    const terminal = execa('script', ['--quiet', '--command', line, '/dev/null'], {
      ...{ cwd: shop.root, env: shop.env, extendEnv: false, reject: false, stdin: 'ignore' },
    });
    await until('it has begun', () => existsSync(mark()));
    terminal.kill('SIGKILL');
    await terminal;
    await until('nothing of it runs', () => listCarriers(shop.folder).length === 0);
    expect(shop.state()?.instances).toEqual({});
    expect(photograph()).toBe(before);
  });
});

describe.runIf(process.platform === 'linux')('a command that hangs', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  it('in setup is ended at its deadline, with all that it started, and named', async () => {
    const command = `${DEAF} ${shop.at('../begun')}`;
    shop.configure((text) =>
      text.replace('path: ./front,', () => `path: ./front, setup_timeout: 1s, setup: [${yaml(command)}],`),
    );
    const run = await shop.stack(['create', 'feat-01']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/^stack: setup of front failed: `sh -c .* was not done after 1 s and was ended$/m);
    expect(run.stderr).toMatch(/^hint: .*`setup_timeout:` of front in stack.yml gives it longer$/m);
    await until('nothing of it runs', () => listCarriers(shop.folder).length === 0);
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('as a git hook is ended at its deadline with its group, named, and the worktree is used', async () => {
    shop.write('front/.git/hooks/post-checkout', '#!/bin/sh\nsleep 311 & sleep 312\n');
    chmodSync(shop.at('front/.git/hooks/post-checkout'), 0o755);
    const run = await shop.stack(['create', 'feat-01', '--no-start'], { env: { STACK_GIT_TIMEOUT: '4' } });
    expect(run.code).toBe(0);
    expect(run.stderr).toContain(`! front: the hook ${shop.at('front/.git/hooks/post-checkout')} was ended after 4 s`);
    await until('nothing of it runs', () => listCarriers(shop.folder).length === 0);
  });
});

describe('a pipe whose reader leaves', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const pipe = (line: string): string =>
    execFileSync('bash', ['-c', `set -o pipefail; ${line}; echo "\${PIPESTATUS[0]}"`], {
      ...{
        cwd: shop.root,
        env: { ...shop.env, STACK: `${process.execPath} ${BIN}` },
        encoding: 'utf8',
        stdio: 'pipe',
        timeout: 60_000,
      },
    } as const);

  it('is no error of ps, help, logs, doctor or a JSON document', async () => {
    // Who follows a log learns of it with the next line.
    const speak = 'seq 1 200000; while echo more; do sleep 0.1; done & exec node server.mjs';
    shop.configure((text) => text.replaceAll('node server.mjs', speak));
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    for (const verb of ['ps', 'ps --json', '--help', 'logs feat-01', 'logs -f feat-01', 'doctor --json']) {
      const said = pipe(`$STACK ${verb} 2>&1 | head -c 10 >/dev/null`);
      expect({ verb, said: said.trim() }).toEqual({ verb, said: expect.stringMatching(/^(0|141)$/) });
      const noise = pipe(`{ $STACK ${verb} | true; } 2>&1`);
      expect({ verb, noise: noise.trim() }).toEqual({ verb, noise: expect.stringMatching(/^(0|141)$/) });
    }
  });

  it('does not end a create half-way', async () => {
    pipe('{ $STACK create feat-01 2>&1 | true; }');
    await until('it is made', async () => (await shop.ps()).instances[0]?.status === 'running');
  });

  it('that is full is said in one line', () => {
    const said = pipe('{ $STACK ps --json >/dev/full; } 2>&1');
    expect(said).toMatch(/^stack: cannot write the answer: .*ENOSPC.*\n1\n$/);
  });
});

function yaml(text: string): string {
  return JSON.stringify(text);
}
