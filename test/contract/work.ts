/**
 * The program that every runtime is tried with.
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
