/** Runs one command of stack with faults put into it; the environment holds them (`test/faults/fault.ts`). */
import { AsyncLocalStorage } from 'node:async_hooks';
import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import pg from 'pg';
import type { StateStore } from '../../src/adapters/state/store.ts';
import type { Host } from '../../src/context.ts';
import type { StackError } from '../../src/domain/errors.ts';
import { type Direction, type Step, stepName } from '../../src/domain/step.ts';
import { createContext } from '../../src/open-context.ts';
import type { Fault, Note, Orders, Part, Point } from '../faults/fault.ts';
import { ORDERS } from '../faults/fault.ts';

const { faults, notes }: Orders = JSON.parse(process.env[ORDERS] ?? '{}');
delete process.env[ORDERS];

// Written at once, past the functions that are watched below: after a kill there is no later.
const noteFile = fs.openSync(notes, 'a');
const note = (one: Note): void => void fs.writeSync(noteFile, `${JSON.stringify(one)}\n`);

/** Which part of the run the present call belongs to, and how many changes it has made. */
interface Here extends Part {
  changes: number;
}
const elsewhere: Here = { direction: 'elsewhere', id: 'between the steps', changes: 0 };
const here = new AsyncLocalStorage<Here>();
const seen = new Map<string, Here>();

function enter<Result>({ direction, id }: Part, run: () => Result): Result {
  const key = `${direction} ${id}`;
  const part = seen.get(key) ?? { direction, id, changes: 0 };
  seen.set(key, part);
  return here.run(part, run);
}

/** A fault for this point, if there is one; it strikes once. */
function take({ direction, id }: Part, point: Point, isDuring = false): Fault | undefined {
  const found = faults.findIndex((one) => one.direction === direction && one.id === id && one.point === point);
  const fault = faults[found];
  if (!fault || (fault.ms !== undefined) !== isDuring) return undefined;
  faults.splice(found, 1);
  note({ fault });
  if (fault.how === 'kill' && !isDuring) process.kill(process.pid, 'SIGKILL');
  return fault;
}

/** Fails or ends the process when a fault is meant for this edge of a part. */
function pass(part: Part, point: 'before' | 'after'): void {
  if (take(part, point)) throw diskFull();
}

function diskFull(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device (put in by a test)'), { code: 'ENOSPC' });
}

/** As when the machine goes down, but for a kill: what the process started goes with it; what it asked a server for may be under way. */
function crash({ how, ms = 0 }: Fault, child: ChildProcess | undefined): void {
  const started = child?.pid === undefined || how === 'kill' ? [] : [-child.pid, child.pid];
  const end = (): void => {
    for (const pid of [...started, process.pid]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It leads no group, or has ended.
      }
    }
  };
  child?.once('exit', end);
  setTimeout(end, ms);
}

/** Calls `run`, which changes something outside, or `fail`, when a fault is meant for this very change. */
function change<Result>(name: string, run: () => Result, fail: () => Result): Result {
  const part = here.getStore() ?? elsewhere;
  part.changes += 1;
  const point = part.changes;
  note({ part: { direction: part.direction, id: part.id }, event: 'change', change: name });
  const result = take(part, point) ? fail() : run();
  const during = take(part, point, true);
  if (during) crash(during, result instanceof childProcess.ChildProcess ? result : undefined);
  return result;
}

type Call = (...args: unknown[]) => unknown;

interface Watch {
  /** What a call changes, in words; '' when it changes nothing. */
  describe(name: string, args: unknown[]): string;
  /** Another call in its place, that fails as the outside would. */
  fail(real: Call, args: unknown[]): unknown;
}

/** Puts `change` around functions of an object. */
function watch(owner: object, names: readonly string[], { describe, fail }: Watch): void {
  const functions = owner as Record<string, Call>;
  for (const name of names) {
    const real = functions[name];
    if (!real) continue;
    // Methods among them need their `this`.
    functions[name] = function (this: unknown, ...args: unknown[]) {
      const what = describe(name, args);
      const call: Call = (...given) => real.apply(this, given);
      return what === ''
        ? call(...args)
        : change(
            what,
            () => call(...args),
            () => fail(call, args),
          );
    };
  }
}

const FILES = ['rename', 'symlink', 'rm', 'rmdir', 'mkdir', 'writeFile', 'unlink', 'cp', 'copyFile', 'chmod', 'link'];

function watchFiles(): void {
  const isRead = (name: string, flags: unknown): boolean => name === 'open' && !/[wa+]/.test(String(flags ?? 'r'));
  watch(fs.promises, [...FILES, 'open'], {
    describe: (name, args) => (isRead(name, args[1]) ? '' : name),
    // An async function fails by its promise: nobody expects it to throw.
    fail: () => Promise.reject(diskFull()),
  });
  watch(
    fs,
    FILES.map((name) => `${name}Sync`),
    {
      describe: (name) => name,
      fail: () => {
        throw diskFull();
      },
    },
  );
}

function watchOutside(): void {
  watchFiles();
  watch(childProcess, ['spawn'], {
    // Git's answers to questions change nothing.
    describe(_, [program, args]) {
      const words = [program, ...(Array.isArray(args) ? args : [])].map(String);
      // It may run under a guard.
      const own = words.slice(Math.max(0, words.indexOf('git')));
      return words.includes('--no-optional-locks') ? '' : own.slice(0, 3).join(' ');
    },
    fail: (real, [, args, options]) => real('false', Array.isArray(args) ? [] : args, options),
  });
  watch(http, ['request'], {
    describe(_, [options]) {
      const { method = 'GET', path = '' } = options as { method?: string; path?: string };
      return method === 'GET' || method === 'HEAD' ? '' : `${method} ${path.split('?')[0]}`;
    },
    fail: (real, [options, ...rest]) => real({ ...(options as object), socketPath: '/put/in/by/a/test' }, ...rest),
  });
  watch(pg.Client.prototype, ['query'], {
    describe(_, [text]) {
      const words = String(text).trim().split(/\s+/).slice(0, 2).join(' ');
      return /^(SELECT|SHOW)/i.test(words) ? '' : words;
    },
    fail: () => Promise.reject(Object.assign(new Error('could not extend file (put in by a test)'), { code: '53100' })),
  });
  syncBuiltinESMExports();
}

function wrapStep(step: Step, direction: Direction): Step {
  const part = { direction, id: stepName(step.id) };
  const around = (run: () => Promise<void>) => (): Promise<void> =>
    enter(part, async () => {
      if (direction === 'backward') {
        note({ part, event: 'passed' });
        pass(part, 'before');
      }
      note({ part, event: 'applied' });
      await run();
      pass(part, 'after');
    });
  return {
    ...step,
    async inspect() {
      note({ part, event: 'passed' });
      pass(part, 'before');
      return step.inspect();
    },
    apply: (progress) => around(() => step.apply(progress))(),
    revert: around(() => step.revert()),
  };
}

function wrapStore(store: StateStore): StateStore {
  let writes = 0;
  return {
    ...store,
    update(alter) {
      writes += 1;
      const part: Part = { direction: 'record', id: `write ${writes}` };
      return enter(part, async () => {
        note({ part, event: 'passed' });
        pass(part, 'before');
        const result = await store.update(alter);
        note({ part, event: 'applied' });
        pass(part, 'after');
        return result;
      });
    },
  };
}

async function run(): Promise<number> {
  const argv = process.argv.slice(2);
  const { env, stdin, stdout, stderr, pid } = process;
  const host: Host = { cwd: process.cwd(), env, stdin, stdout, stderr, pid };
  const context = createContext(host, { json: true, quiet: false, yes: true }, new AbortController().signal, argv);
  try {
    const stack = await context.stack();
    Object.assign(stack, { wrapStep, store: wrapStore(stack.store) });
    const { runProgram } = await import('../../src/program.ts');
    watchOutside();
    return await runProgram(argv, context);
  } catch (error) {
    process.stderr.write(`${(error as Error).stack}\n`);
    return (error as Partial<StackError>).exitCode ?? 1;
  }
}

process.exit(await run());
