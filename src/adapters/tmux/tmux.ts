import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { StackError } from '../../domain/errors.ts';
import { isThere } from '../files/files.ts';
import { ownPath } from '../search-path.ts';

/** The oldest that has `new-session -e`. */
const OLDEST = [3, 2] as const;
/** A server that does not answer within this is not known to be gone. */
const DEADLINE_MS = 5000;
/** Lines of a pane that are kept. */
const HISTORY = 20_000;

/** A pane of the server, as it is now. */
export interface Pane {
  session: string;
  /** `%3`: unique while the server lives. */
  id: string;
  /** The process that it was made for. */
  pid: number;
  /** Unix milliseconds of what was printed last. */
  activeAt: number;
}

/** The private tmux server of one root. */
export interface Tmux {
  /** What a person types to reach it. */
  command: string;
  start(session: Session): Promise<Pane>;
  /** Returns all panes; [] where no server runs. Throws `unseen` where it does not answer. */
  listPanes(): Promise<Pane[]>;
  /** Returns what a pane shows, with the lines before it. */
  capture(pane: string, lines: number | undefined): Promise<string>;
  /** Returns what it shows now, and where its cursor is; undefined for a pane that is gone. */
  look(pane: string): Promise<string | undefined>;
  /** Pastes a text into a pane, as one paste where its program knows that. */
  paste(pane: string, text: string): Promise<void>;
  press(pane: string, key: string): Promise<void>;
  /** Gives a pane to the terminal of this process until the person leaves it. Returns the exit code. */
  attach(session: string): Promise<number>;
  /** Deletes the socket that a server has left which is gone; nobody may start one meanwhile. */
  clear(): Promise<void>;
}

interface Session {
  name: string;
  cwd: string;
  /** Handed over by the server; no secrets, since the command line shows them. */
  env: Readonly<Record<string, string>>;
  argv: readonly string[];
  size: { columns: number; rows: number };
}

type Env = Readonly<Record<string, string | undefined>>;

/** Returns what stands against the tmux there is, in words; undefined for one that can do what is needed. */
export async function findTmuxFault(env: Env): Promise<string | undefined> {
  const { stdout, failed, cause } = (await askInTime(['-V'], env)).answer;
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return 'there is no tmux';
  return failed ? 'tmux did not tell its version' : judgeTmuxVersion(stdout);
}

/** Returns what stands against a version, as `tmux -V` tells it; undefined for one that can do what is needed. */
export function judgeTmuxVersion(told: string): string | undefined {
  // Built from what comes after every release.
  if (/\bmaster\b/.test(told)) return undefined;
  const [, version, major, minor] = /((\d+)\.(\d+)\w*)/.exec(told) ?? [];
  if (version === undefined) return 'tmux did not tell its version';
  const [leastMajor, leastMinor] = OLDEST;
  const isUsable = Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
  return isUsable ? undefined : `tmux ${version} is too old`;
}

/** The server is handed the streams of who asks it: while it is stopped they stay open, though who asked was ended. */
async function askInTime(args: readonly string[], env: Env, input?: string) {
  const asking = execa('tmux', args, {
    ...{ env: plainEnv(env), extendEnv: false, reject: false, stripFinalNewline: false },
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    asking.kill('SIGKILL');
    for (const stream of [asking.stdin, asking.stdout, asking.stderr]) stream?.destroy();
  }, DEADLINE_MS);
  try {
    return { answer: await asking, isLate };
  } finally {
    clearTimeout(late);
  }
}

/** Returns the tmux server of a root, which is started with its first session. */
export function openTmux(socket: string, env: Env): Tmux {
  const base = ['-L', socket, '-f', '/dev/null'];
  const ask = async (args: readonly string[], input?: string) => {
    const { answer, isLate } = await askInTime(['-u', ...base, ...args], env, input);
    if (!answer.failed) return answer.stdout;
    const said = answer.stderr?.trim() || answer.shortMessage || '';
    throw explainTmux(isLate ? 'it does not answer' : said, answer.cause, base);
  };
  return {
    command: `tmux ${base.join(' ')}`,
    async start({ name, cwd, env: own, argv, size }) {
      const given = Object.entries(own).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
      const shape = ['-x', String(size.columns), '-y', String(size.rows), '-P', '-F', FORMAT];
      const answer = await ask([
        'start-server',
        ';',
        ...SETTINGS,
        'new-session',
        '-d',
        '-s',
        name,
        '-c',
        cwd,
        ...shape,
        ...given,
        ...argv,
      ]);
      const [made] = parsePanes(answer);
      if (!made) throw new StackError('process', `tmux made no pane for ${name}: ${answer}`);
      return made;
    },
    async listPanes() {
      return parsePanes((await unlessGone(ask(['list-panes', '-a', '-F', FORMAT]))) ?? '');
    },
    capture: (pane, lines) =>
      ask(['capture-pane', '-p', '-J', '-S', lines === undefined ? '-' : String(-lines), '-t', pane]),
    async look(pane) {
      const shown = await unlessGone(ask(['capture-pane', '-p', '-e', '-t', pane]));
      const where = '#{cursor_x},#{cursor_y},#{history_size}';
      const cursor = await unlessGone(ask(['display-message', '-p', '-t', pane, where]));
      return shown === undefined || cursor === undefined ? undefined : shown + cursor;
    },
    async paste(pane, text) {
      // Others paste at the same time, into other panes of the same server.
      const buffer = `stack-${randomUUID()}`;
      await ask(['load-buffer', '-b', buffer, '-'], text);
      await ask(['paste-buffer', '-p', '-d', '-b', buffer, '-t', pane]);
    },
    press: async (pane, key) => void (await ask(['send-keys', '-t', pane, key])),
    async attach(session) {
      const { exitCode = 1 } = await execa('tmux', ['-u', ...base, 'attach-session', '-t', `=${session}`], {
        ...{ env: { ...plainEnv(env), TERM: env.TERM }, extendEnv: false, reject: false, stdio: 'inherit' as const },
      });
      return exitCode;
    },
    async clear() {
      const file = socketFileOf(socket);
      if (!(await isThere(file))) return;
      const isGone = (await unlessGone(ask(['list-sessions']))) === undefined;
      if (isGone) await rm(file, { force: true });
    },
  };
}

/** Returns where tmux keeps the socket of that name (`TMUX_TMPDIR` is none of what it is told). */
function socketFileOf(socket: string): string {
  return path.join('/tmp', `tmux-${process.getuid?.() ?? 0}`, socket);
}

/** Of a server that is there already they change nothing. */
const SETTINGS = [
  ['history-limit', String(HISTORY)],
  ['status', 'off'],
  ['mouse', 'on'],
  ['escape-time', '20'],
].flatMap((setting) => ['set-option', '-g', ...setting, ';']);

const FORMAT = '#{session_name} #{pane_id} #{pane_pid} #{window_activity}';

function parsePanes(text: string): Pane[] {
  return text.split('\n').flatMap((line) => {
    const [session, id, pid, active] = line.split(' ');
    if (session === undefined || id === undefined || active === undefined) return [];
    return [{ session, id, pid: Number(pid), activeAt: Number(active) * 1000 }];
  });
}

/** The server keeps what it is started with, so it is told nothing of a person's: neither secrets, nor that we are inside another tmux. */
function plainEnv(env: Env): Record<string, string> {
  const { HOME, LANG, LC_ALL, SHELL, USER } = env;
  const found = { ...ownPath(env), HOME, LANG, LC_ALL, SHELL, USER, TERM: 'xterm-256color' };
  return Object.fromEntries(
    Object.entries(found).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

/** Undefined where tmux says that there is no such pane, or no server at all; one that does not answer says neither. */
async function unlessGone(answer: Promise<string>): Promise<string | undefined> {
  return answer.catch((error: unknown) => {
    const isGone =
      error instanceof StackError && /no server running|No such file or directory|can't find pane/.test(error.message);
    if (!isGone) throw error;
    return undefined;
  });
}

function explainTmux(why: string, cause: unknown, base: readonly string[]): StackError {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return new StackError('unseen', 'tmux was not found', { hint: 'install it (3.2 or newer)', cause });
  const [, session] = /^duplicate session: (\S+)/.exec(why) ?? [];
  if (session !== undefined)
    return new StackError('process', `tmux has a session ${session} that stack knows nothing of`, {
      hint: `\`tmux ${base.join(' ')} kill-session -t =${session}\` ends it`,
    });
  return new StackError('unseen', `tmux: ${why}`, { hint: '`stack runs` tells when it answers again', cause });
}
