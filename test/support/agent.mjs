// A coding agent that does what its prompt says, a line each. It reads the prompt from standard input, or from a file named as its argument.
// With --marked a prompt may say other things as well: what is to be done are its lines that begin with `do: `.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const { STACK_RUN_DIR, STACK_BIN, STACK_FINDINGS } = process.env;
const isMarked = process.argv[2] === '--marked';
const script = readFileSync(process.argv[isMarked ? 3 : 2] ?? 0, 'utf8');

const DOES = {
  go: (folder) => process.chdir(folder),
  say: (text) => console.log(text),
  edit: (repo, text) => appendFileSync(`${repo}/work.txt`, `${text}\n`),
  commit(repo, text) {
    execFileSync('git', ['add', '.'], { cwd: repo });
    execFileSync('git', ['commit', '--quiet', '--message', text], { cwd: repo });
  },
  /** Calls stack inside its own environment. */
  stack: (...words) => console.log(execFileSync(process.execPath, [STACK_BIN, ...words], { encoding: 'utf8' })),
  /** What a hook of its own would write down. */
  event: (name, payload) =>
    appendFileSync(`${STACK_RUN_DIR}/events`, `${Math.floor(Date.now() / 1000)} ${name} ${payload}\n`),
  /** Edits a file that no other ticket has. */
  add: (repo, text) => appendFileSync(`${repo}/${process.env.STACK_TICKET}.txt`, `${text}\n`),
  /** Reviews a repo: each text that has changed is to hold a word. */
  review(repo, word) {
    const args = ['diff', '--name-only', 'main...HEAD'];
    const files = execFileSync('git', args, { cwd: repo, encoding: 'utf8' }).split('\n');
    const bad = files.filter((file) => file !== '' && !readFileSync(`${repo}/${file}`, 'utf8').includes(word));
    const found = bad.map((file) => ({ severity: 'major', repo, path: file, line: 1, text: `${word} is missing` }));
    writeFileSync(STACK_FINDINGS, JSON.stringify(found));
  },
  find: (json) => writeFileSync(STACK_FINDINGS, json),
  /** Writes down what it was told, and by what environment. */
  dump: (file) => writeFileSync(file, JSON.stringify({ script, cwd: process.cwd(), env: process.env })),
  async until(file) {
    while (!existsSync(file)) await wait(20);
  },
  /** Asks, and says what it was told. */
  async ask(question) {
    console.log(question);
    const lines = createInterface({ input: process.stdin });
    for await (const line of lines) {
      console.log(`told: ${line}`);
      break;
    }
    lines.close();
  },
  /** Leaves a program behind that goes on by itself. */
  leave() {
    const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    child.unref();
    console.log(`left ${child.pid}`);
  },
  async stay() {
    for (;;) await wait(1000);
  },
  exit: (code) => process.exit(Number(code)),
};

/** Whose second word holds the rest of the line. */
const OF_TWO = ['edit', 'add', 'commit', 'event', 'review'];

const lines = script.split('\n').filter((one) => one !== '');
const wanted = isMarked ? lines.flatMap((one) => (one.startsWith('do: ') ? [one.slice(4)] : [])) : lines;

for (const line of wanted) {
  const [verb, ...words] = line.split(' ');
  if (verb === 'stack') DOES.stack(...words);
  else if (OF_TWO.includes(verb)) await DOES[verb](words[0], words.slice(1).join(' '));
  else await DOES[verb](words.join(' '));
}
