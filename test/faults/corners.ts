import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { kill } from '../support/processes.ts';
import type { FaultWorld } from './world.ts';

export const TICKET = 'feat-01';
const FRONT = `tickets/${TICKET}/front`;

/**
 * How a `destroy` has to take it: as nobody's; as work that `--force` saves; as what cannot be saved, so that the ticket
 * stays; as what git would wait for, so that nothing can be told; as a program that outlives what started it, so that the record
 * stays.
 */
type Weight = 'nothing' | 'work' | 'unsavable' | 'waits' | 'outlives';

/** Something odd that people and programs leave where stack works, and what must be so whatever a command does there. */
export interface Corner {
  name: string;
  /** Before there is a ticket: in the main checkouts, and in `stack.yml`. */
  prepare?(world: FaultWorld): void;
  /** In a ticket that is there, at rest or not. */
  leave?(world: FaultWorld): void;
  weight: Weight;
  /** What a refusal says of it, and what `create` says. */
  said?: RegExp;
  saidAtFirst?: RegExp;
  /** What `start` and `add` refuse it with. */
  hinders?: RegExp;
  /** What is not as it must be in a ticket that is whole, or came back. */
  findWrong(world: FaultWorld): string[];
  /** What a person does about what cannot be saved, or ended. */
  takeAway?(world: FaultWorld): void;
}

/** Draws are made from these: the seed says which meet in one world. */
export const CORNERS: readonly Corner[] = [
  {
    name: 'links among copied files',
    prepare(world) {
      link(world, 'master.key', 'front/keys/current.key');
      link(world, world.at('front/keys/master.key'), 'front/keys/whole.key');
      link(world, '/etc/hosts', 'front/keys/away.key');
      link(world, 'nowhere', 'front/keys/dangling.key');
    },
    weight: 'nothing',
    saidAtFirst: /copied links lead out of the repo: keys\/away\.key -> \/etc\/hosts/,
    findWrong: (world) => [
      ...findOtherLinks(world, {
        'keys/current.key': 'master.key',
        'keys/whole.key': world.at(FRONT, 'keys/master.key'),
        'keys/away.key': '/etc/hosts',
        'keys/dangling.key': 'nowhere',
      }),
    ],
  },
  {
    name: 'links of a person',
    leave(world) {
      link(world, 'README.md', `${FRONT}/link`);
      link(world, 'nowhere', `${FRONT}/new/dangling`);
      link(world, '/etc/hosts', `${FRONT}/away`);
      rmSync(world.at(FRONT, 'server.mjs'));
      link(world, '../../../front/server.mjs', `${FRONT}/server.mjs`);
    },
    weight: 'work',
    said: /link/,
    findWrong: (world) => [
      ...findOtherLinks(world, {
        link: 'README.md',
        'new/dangling': 'nowhere',
        away: '/etc/hosts',
        'server.mjs': '../../../front/server.mjs',
      }),
    ],
  },
  {
    name: 'a repo in an ignored folder',
    leave(world) {
      world.write(`${FRONT}/node_modules/exp/work.txt`, 'work\n');
      world.own();
      world.git(`${FRONT}/node_modules/exp`, 'init', '--quiet', '--initial-branch=main');
      world.git(`${FRONT}/node_modules/exp`, 'add', '.');
      world.git(`${FRONT}/node_modules/exp`, 'commit', '--quiet', '--message', 'Nowhere else');
    },
    weight: 'unsavable',
    said: /node_modules\/exp\/ is a git repo of its own/,
    findWrong: (world) => findMissing(world, 'node_modules/exp/.git/refs/heads/main', 'node_modules/exp/work.txt'),
    takeAway: (world) => rmSync(world.at(FRONT, 'node_modules/exp'), { recursive: true, force: true }),
  },
  {
    name: 'a bare repo in an ignored folder',
    leave(world) {
      const bare = `${FRONT}/node_modules/work.git`;
      world.git(FRONT, 'init', '--quiet', '--bare', 'node_modules/work.git');
      const tree = world.git(bare, 'hash-object', '-w', '-t', 'tree', '/dev/null');
      world.git(bare, 'update-ref', 'refs/heads/main', world.git(bare, 'commit-tree', '-m', 'Nowhere else', tree));
    },
    weight: 'unsavable',
    said: /node_modules\/work\.git\/ is a git repo of its own/,
    findWrong: (world) => findMissing(world, 'node_modules/work.git/HEAD'),
    takeAway: (world) => rmSync(world.at(FRONT, 'node_modules/work.git'), { recursive: true, force: true }),
  },
  {
    name: 'commits left on no branch',
    leave(world) {
      world.git(FRONT, 'switch', '--quiet', '--detach');
      commit(world, FRONT, 'left.txt', 'left\n');
      commit(world, FRONT, 'too.txt', 'left too\n');
      world.git(FRONT, 'switch', '--quiet', TICKET);
    },
    weight: 'work',
    said: /2 commits made on no branch and left there/,
    findWrong: (world) => findLostCommits(world, 'Write left.txt', 'Write too.txt'),
  },
  {
    name: 'commits taken back',
    leave(world) {
      commit(world, FRONT, 'amended.txt', 'before\n');
      world.write(`${FRONT}/amended.txt`, 'after\n');
      world.git(FRONT, 'commit', '--quiet', '--amend', '--message', 'Taken back', '--', 'amended.txt');
      world.git(FRONT, 'reset', '--quiet', '--soft', 'HEAD~1');
      world.git(FRONT, 'rm', '--quiet', '--cached', 'amended.txt');
      rmSync(world.at(FRONT, 'amended.txt'));
    },
    weight: 'nothing',
    findWrong: (world) => findLostCommits(world, 'Write amended.txt', 'Taken back'),
  },
  {
    name: 'a filter that loses something',
    prepare(world) {
      world.git('front', 'config', 'filter.strip.clean', "sed '/^out/d'");
      world.git('front', 'config', 'filter.strip.smudge', "sed '$a smudged'");
      commit(world, 'front', '.gitattributes', '*.nb filter=strip\n');
      commit(world, 'front', 'a.nb', 'in 1\nout 1\n');
    },
    leave: (world) => appendFileSync(world.at(FRONT, 'a.nb'), 'in 2\nout 2\n'),
    weight: 'work',
    said: /a\.nb/,
    findWrong: (world) => findOtherText(world, 'a.nb', 'in 1\nsmudged\nin 2\nout 2\n'),
  },
  {
    name: 'a pipe among copied files',
    prepare: (world) => pipe(world, 'front/keys/pipe'),
    weight: 'nothing',
    saidAtFirst: /keys\/pipe \(no file\)/,
    findWrong: (world) => findOtherText(world, 'keys/master.key', 'not in git\n'),
  },
  {
    name: 'a pipe in place of the env file',
    leave: (world) => pipe(world, `${FRONT}/.env.local`),
    weight: 'nothing',
    hinders: /\.env\.local: it is a named pipe/,
    findWrong: () => [],
    takeAway: (world) => rmSync(world.at(FRONT, '.env.local'), { force: true }),
  },
  {
    name: 'pipes beside other files',
    leave(world) {
      pipe(world, `${FRONT}/new.pipe`);
      pipe(world, `${FRONT}/node_modules/pipe`);
    },
    weight: 'nothing',
    findWrong: () => [],
  },
  {
    name: 'pipes among the files that git reads',
    leave(world) {
      pipe(world, `${FRONT}/waits/.gitignore`);
      pipe(world, `${FRONT}/waits/.gitattributes`);
    },
    weight: 'waits',
    said: /waits\/\.git\w+ is a pipe, and git would wait for it/,
    findWrong: () => [],
    takeAway: (world) => rmSync(world.at(FRONT, 'waits'), { recursive: true, force: true }),
  },
  {
    name: 'a daemon that leaves its session',
    prepare(world) {
      world.write('daemon.mjs', DAEMON);
      command(world, (line) => line.replace('server.mjs', world.at('daemon.mjs')));
    },
    weight: 'outlives',
    said: /front has left \S+ \(pid \d+\), which goes on and keeps its port/,
    findWrong: () => [],
    takeAway: (world) => listDaemons(world).forEach(kill),
  },
  {
    name: 'a service that prints without end',
    prepare(world) {
      const print = `while :; do head -c 300000 /dev/zero | tr '\\0' x; echo; sleep 0.1; done`;
      command(world, (line) => `(${print}) & exec ${line}`, `logs: { max: ${MOST_KB}K }`);
    },
    weight: 'nothing',
    findWrong: findLargeLogs,
  },
  ...(['new/shut', 'node_modules/shut'] as const).map(
    (folder): Corner => ({
      name: `${folder} of mode 000`,
      leave(world) {
        world.write(`${FRONT}/${folder}/work.txt`, 'work\n');
        chmodSync(world.at(FRONT, folder), 0);
      },
      weight: 'unsavable',
      said: new RegExp(`${folder}/? may not be opened and emptied`),
      findWrong: (world) => findOtherText(world, `${folder}/work.txt`, 'work\n'),
      takeAway(world) {
        if (existsSync(world.at(FRONT, folder))) chmodSync(world.at(FRONT, folder), 0o700);
        rmSync(world.at(FRONT, folder), { recursive: true, force: true });
      },
    }),
  ),
];

const MOST_KB = 500;

/** Answers as a service of the world does, from a process that knows nothing of stack and leads a session of its own. */
const DAEMON = `import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
const { PORT, STACK_TICKET: ticket, STACK_SERVICE: service, API_URL: api, DATA_URL: data } = process.env;
if (PORT) {
  const args = ['-i', 'setsid', process.execPath, import.meta.filename, PORT, JSON.stringify({ ticket, service, api, data })];
  spawn('env', args, { cwd: '/', stdio: 'ignore' });
  setInterval(() => {}, 1000);
} else createServer((_, response) => response.end(process.argv[3])).listen(process.argv[2], '127.0.0.1');
`;

/** Returns the daemons of a world, which neither their environment nor their folder betrays. */
function listDaemons(world: FaultWorld): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const [, script, port] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return script === world.at('daemon.mjs') && port !== '';
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}

function link(world: FaultWorld, target: string, file: string): void {
  mkdirSync(path.dirname(world.at(file)), { recursive: true });
  symlinkSync(target, world.at(file));
}

function pipe(world: FaultWorld, file: string): void {
  mkdirSync(path.dirname(world.at(file)), { recursive: true });
  rmSync(world.at(file), { force: true });
  execFileSync('mkfifo', [world.at(file)]);
}

function commit(world: FaultWorld, repo: string, file: string, text: string): void {
  world.write(`${repo}/${file}`, text);
  world.own();
  world.git(repo, 'add', '--force', file);
  world.git(repo, 'commit', '--quiet', '--message', `Write ${file}`, '--', file);
}

/** Returns the front-end another command, made from the one it has, and another line. */
function command(world: FaultWorld, edit: (line: string) => string, more?: string): void {
  world.configure((text) =>
    text.replace(/(repo: front\n.*\n {4}command: )(.*)\n/, (_, before: string, line: string) => {
      const written = line.startsWith('"') ? JSON.parse(line) : line;
      return `${before}${JSON.stringify(edit(written))}\n${more === undefined ? '' : `    ${more}\n`}`;
    }),
  );
}

function findMissing(world: FaultWorld, ...files: string[]): string[] {
  return files.filter((file) => !existsSync(world.at(FRONT, file))).map((file) => `${file} is gone`);
}

function findOtherLinks(world: FaultWorld, wanted: Record<string, string>): string[] {
  return Object.entries(wanted).flatMap(([file, target]) => {
    const place = world.at(FRONT, file);
    const stat = lstatSync(place, { throwIfNoEntry: false });
    const found = stat?.isSymbolicLink() ? readlinkSync(place) : stat ? 'no link' : 'gone';
    return found === target ? [] : [`${file} leads to ${target}, and is ${found}`];
  });
}

function findOtherText(world: FaultWorld, file: string, wanted: string): string[] {
  try {
    const text = readFileSync(world.at(FRONT, file), 'utf8');
    return text === wanted ? [] : [`${file} holds ${JSON.stringify(text)}, and not ${JSON.stringify(wanted)}`];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** Commits that neither a ref nor a worktree's HEAD log leads to. */
function findLostCommits(world: FaultWorld, ...subjects: string[]): string[] {
  const kept = [world.at(FRONT), world.at('front')]
    .filter(existsSync)
    .flatMap((folder) => world.git(folder, 'log', '--all', '--reflog', '--format=%s').split('\n'));
  return subjects.filter((subject) => !kept.includes(subject)).map((subject) => `the commit "${subject}" is lost`);
}

/** Both files of the log together; a keeper may be in the middle of putting one aside. */
function findLargeLogs(world: FaultWorld): string[] {
  const folder = world.at('.stack/logs', TICKET);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('front.log')) : [];
  const bytes = files.reduce(
    (sum, name) => sum + (statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  return bytes <= MOST_KB * 1024 ? [] : [`the logs of front hold ${bytes} bytes`];
}
