import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type FakeProgram, whenAborted } from '../support/fake-process.ts';

/**
 * The program that every runtime is tried with, as a script for those that run real processes. The fake runtime has the
 * same in `runWork`.
 *
 *   serve          prints `up $VERSION`, answers HTTP on $PORT where there is one; on TERM prints `bye` and ends with 0
 *   exit N         prints `out` and `err` to the two streams, ends with N
 *   count N        prints `line 1` … `line N`, then stays
 *   tick           prints a number every 10 ms for ever
 *   print TEXT     prints it
 *   env NAME       prints the variable
 *   read FILE      prints a file of the folder it runs in
 *   write FILE     writes `written` into a file of the folder it runs in
 *   copy           copies stdin to stdout, says `end` on stderr
 *   stay           does nothing for ever
 */
export const WORK_SCRIPT = `
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
const [verb, argument] = process.argv.slice(2);
const stay = () => setInterval(() => {}, 1000);
const verbs = {
  serve() {
    process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });
    const ready = () => console.log('up ' + (process.env.VERSION ?? ''));
    if (process.env.PORT) createServer((_, answer) => answer.end('hello')).listen(process.env.PORT, '0.0.0.0', ready);
    else { stay(); ready(); }
  },
  exit() { console.log('out'); console.error('err'); process.exitCode = Number(argument); },
  count() { for (let i = 1; i <= Number(argument); i++) console.log('line ' + i); stay(); },
  tick() { let i = 0; setInterval(() => console.log(String(++i)), 10); },
  print() { console.log(argument); },
  env() { console.log(process.env[argument] ?? ''); },
  read() { console.log(readFileSync(argument, 'utf8')); },
  write() { writeFileSync(argument, 'written'); },
  copy() { process.stdin.on('end', () => console.error('end')).pipe(process.stdout); },
  stay,
};
verbs[verb]();
`;

const TICK_MS = 10;
const TERMINATED = 143;

/** The same program for the fake runtime. */
export const runWork: FakeProgram = async ({ argv, env, cwd, stdin, write, ended }) => {
  const [, , verb = '', argument = ''] = argv;
  const print = (text: string): void => write('stdout', `${text}\n`);
  const stay = async (): Promise<number> => {
    await whenAborted(ended);
    return TERMINATED;
  };
  const verbs: Record<string, () => Promise<number | undefined>> = {
    async serve() {
      print(`up ${env.VERSION ?? ''}`);
      await whenAborted(ended);
      print('bye');
      return 0;
    },
    async exit() {
      print('out');
      write('stderr', 'err\n');
      return Number(argument);
    },
    async count() {
      for (let i = 1; i <= Number(argument); i++) print(`line ${i}`);
      return stay();
    },
    async tick() {
      for (let i = 1; !ended.aborted; i++) {
        print(String(i));
        await delay(TICK_MS);
      }
      return TERMINATED;
    },
    print: async () => void print(argument),
    env: async () => void print(env[argument] ?? ''),
    read: async () => void print(await readFile(join(cwd, argument), 'utf8')),
    write: async () => writeFile(join(cwd, argument), 'written').then(() => undefined),
    async copy() {
      for await (const chunk of stdin) write('stdout', String(chunk));
      write('stderr', 'end\n');
      return 0;
    },
    stay,
  };
  return (await verbs[verb]?.()) ?? 0;
};
