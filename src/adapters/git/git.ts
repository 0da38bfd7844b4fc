import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import pLimit from 'p-limit';
import { simpleGit } from 'simple-git';
import { bestEffort, explainShortage, StackError, throwIfAborted } from '../../domain/errors.ts';
import { bytesOf, textOf } from '../files/byte-names.ts';
import { mayUse } from '../files/file-errors.ts';
import { pause } from '../pause.ts';
import { seenOr } from '../process/ask-tool.ts';
import { endMarked, endStrays, type GroupIdentity, listStrays } from '../process/group.ts';
import { guardArgv } from '../process/guard.ts';
import { endWithMe, noteStrays } from '../process/kill-with-parent.ts';
import { sendSignal } from '../process/stat.ts';
import { hasMembers, listProcesses, MARKER, type ProcessRow } from '../process/table.ts';
import { type Place, refusePipes, watchForPipes } from './pipes.ts';

/** What git said, whether it liked the question or not. */
export interface GitAnswer {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface AskOptions {
  signal?: AbortSignal | undefined;
  /** What git reads from its standard input. */
  input?: string | undefined;
  /** True in a git folder: else git fails there where the files that its settings name (`core.worktree`) are gone. */
  inGitDir?: boolean;
  /** Another git folder than the one that git would find; the working tree is then the folder git is asked in. */
  gitDir?: string | undefined;
  /** True: no program that watches files (`core.fsmonitor`) is asked, or started. */
  withoutMonitor?: boolean;
  /** Filters that are not run, as the settings call them: `filter.lfs`. */
  withoutFilters?: readonly string[];
}

export interface ChangeOptions {
  /** After so many seconds git, with every hook it runs, is ended. */
  deadlineSeconds: number;
  env?: Record<string, string | undefined> | undefined;
  /** What git reads; undefined: nothing. */
  inputFile?: string | undefined;
  /** Ends git when aborted. Only for what may stop anywhere (asking a remote), or is undone then; any other runs to its end. */
  signal?: AbortSignal | undefined;
  onStart?: OnStart | undefined;
  /** True: it runs no program and changes nothing of a person's, so it may go on for a moment where this process is killed. */
  harmless?: boolean;
}

/** Told of git's group before git begins. Returns what is called once git has ended: what its hooks left in the background does not count. */
export type OnStart = (group: Omit<GroupIdentity, 'startTime'>) => () => void;

export interface GitChange extends GitAnswer {
  timedOut: boolean;
}

// 2.31 (March 2021) brought `rev-parse --path-format=absolute`, `--config-env` and `locked`, `prunable` in `worktree list`.
const OLDEST_GIT = [2, 31] as const;

/**
 * How many children of git run at once: each has three pipes, and macOS gives a process 256 descriptors. A change may wait for a
 * hook for minutes, which keeps no question waiting.
 */
const AT_ONCE = { question: pLimit(6), change: pLimit(4) };

/** How long git and its hooks may take to end after SIGTERM, and how long we wait for what SIGKILL leaves. */
const GRACE_MS = 2000;
/** What a hook left running in the background may hold git's output open: git's exit counts, a moment later. */
const OUTPUT_MS = 200;

/** What of the caller's `GIT_*` a question may see: how to reach remotes, who one is, which config files count. */
const KEPT = [
  ...['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_SSH_VARIANT', 'GIT_ASKPASS', 'SSH_ASKPASS', 'GIT_PROXY_COMMAND'],
  ...['GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_CONFIG_NOSYSTEM', 'GIT_CONFIG_COUNT'],
  ...['GIT_AUTHOR_NAME', 'GIT_AUTHOR_EMAIL', 'GIT_COMMITTER_NAME', 'GIT_COMMITTER_EMAIL'],
  ...['GIT_EXEC_PATH', 'GIT_DISCOVERY_ACROSS_FILESYSTEM', 'GIT_SSL_CAINFO', 'GIT_SSL_NO_VERIFY', 'GIT_ALLOW_PROTOCOL'],
  ...Array.from({ length: 64 }, (_, index) => [`GIT_CONFIG_KEY_${index}`, `GIT_CONFIG_VALUE_${index}`]).flat(),
];

/** What ties git to one repo or one call (`git rev-parse --local-env-vars` and the like): a hook that calls us has it set. */
const SCRUBBED = [
  ...['GIT_DIR', 'GIT_WORK_TREE', 'GIT_IMPLICIT_WORK_TREE', 'GIT_COMMON_DIR', 'GIT_INDEX_FILE', 'GIT_INDEX_VERSION'],
  ...['GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_QUARANTINE_PATH', 'GIT_NAMESPACE'],
  ...['GIT_PREFIX', 'GIT_CEILING_DIRECTORIES', 'GIT_SHALLOW_FILE', 'GIT_GRAFT_FILE', 'GIT_ATTR_SOURCE'],
  ...['GIT_REPLACE_REF_BASE', 'GIT_NO_REPLACE_OBJECTS', 'GIT_INTERNAL_SUPER_PREFIX', 'GIT_SUPER_PREFIX'],
  ...['GIT_CONFIG', 'GIT_CONFIG_PARAMETERS', 'GIT_REFLOG_ACTION', 'GIT_EDITOR', 'GIT_SEQUENCE_EDITOR'],
  ...['GIT_AUTHOR_DATE', 'GIT_COMMITTER_DATE', 'GIT_DEFAULT_HASH', 'GIT_EXTERNAL_DIFF'],
  ...['GIT_LITERAL_PATHSPECS', 'GIT_GLOB_PATHSPECS', 'GIT_NOGLOB_PATHSPECS', 'GIT_ICASE_PATHSPECS'],
];

/**
 * Asks git something that changes nothing and gives what it printed. Throws `git` when git says no, is not there, or the
 * folder is gone; `interrupted`.
 */
export async function askGit(cwd: string, args: readonly string[], options: AskOptions = {}): Promise<string> {
  const answer = await tryGit(cwd, args, options);
  if (answer.exitCode !== 0) throw gitError(`git ${args[0]} failed in ${cwd}`, answer);
  return answer.stdout;
}

/** Returns paths in as many parts as command lines are needed that surely have room for them. */
export function inArguments(paths: readonly string[]): string[][] {
  const starts = Array.from({ length: Math.ceil(paths.length / ARGUMENTS) }, (_, at) => at * ARGUMENTS);
  return starts.map((from) => paths.slice(from, from + ARGUMENTS));
}

const ARGUMENTS = 200;

/** How long the output of a git that has ended may take: what it left running may hold it open for good. */
const REST_MS = 5000;

/**
 * Whoever asks for a repo's worktrees, branches or commits dies of one that another git is just making or taking away: `failed to read
 * .git/worktrees/a/commondir` (`get_common_dir_noenv` of its setup.c). The path is the same in all languages.
 */
const HALF_THERE = /\bworktrees\/[^/\n]+\/commondir\b/;
/** Half a second is far more than git needs between the two. */
const MOST_TRIES = 25;
const RETRY_MS = 20;

/** Asks git something it may say no to, and gives exit code and words. Throws `git` when git cannot run, `interrupted`. */
export async function tryGit(cwd: string, args: readonly string[], options: AskOptions = {}): Promise<GitAnswer> {
  for (let tries = 1; ; tries++) {
    const answer = await AT_ONCE.question(() => runQuestion(cwd, args, options));
    if (answer.exitCode === 0 || tries === MOST_TRIES || !HALF_THERE.test(answer.stderr)) return answer;
    await pause(RETRY_MS, options.signal);
  }
}

async function runQuestion(cwd: string, args: readonly string[], options: AskOptions): Promise<GitAnswer> {
  const { signal, input, inGitDir = false, gitDir, withoutMonitor = false, withoutFilters = [] } = options;
  throwIfAborted(signal);
  refusePipes(cwd, args);
  const answer: GitAnswer = { exitCode: -1, stdout: '', stderr: '' };
  let isWhole = false;
  const ending = endQuestionWhen({ cwd, args, gitDir }, signal);
  try {
    const git = simpleGit(cwd, {
      // simple-git drops every GIT_* of the caller but these, and throws for some unless told that they are meant.
      allowEnvironment: KEPT,
      abort: ending.signal,
      // Left to itself it takes what has been read 50 ms after the end of git, which on a busy machine is not all.
      completion: { onExit: REST_MS },
      ...(input !== undefined && { input: () => bytesOf(input) }),
      unsafe: {
        allowUnsafeConfigPaths: inGitDir || gitDir !== undefined,
        allowUnsafeFilter: withoutFilters.length > 0,
        allowUnsafeFsMonitor: withoutMonitor,
      },
      // Its own errors hold no exit code, and a failure without words counts as success: both are taken from here.
      errors(error, result) {
        answer.exitCode = result.exitCode;
        answer.stderr = textOf(Buffer.concat(result.stdErr));
        answer.stdout = textOf(Buffer.concat(result.stdOut));
        return result.exitCode === 0 ? undefined : (error ?? Buffer.from('no'));
      },
    });
    // For a command that printed nothing it waits 50 ms more; an empty piece of output counts as something.
    git.outputHandler((_command, stdout, stderr) => {
      stdout.once('end', () => {
        isWhole = true;
        stdout.emit('data', Buffer.alloc(0));
      });
      // Who does not want the answer waits for nobody who holds the output.
      ending.signal.addEventListener('abort', () =>
        closeOutput({ stdout: stdout as Readable, stderr: stderr as Readable }),
      );
    });
    // Without optional locks a question never makes the person's own git wait, or fail.
    const place = inGitDir || gitDir !== undefined ? ['--work-tree=.'] : [];
    const off = withoutFilters.flatMap((name) => [`${name}.clean=`, `${name}.process=`, `${name}.required=false`]);
    const settings = [...(withoutMonitor ? ['core.fsmonitor=false'] : []), ...off].flatMap((setting) => [
      '-c',
      setting,
    ]);
    await git.raw([
      '--no-optional-locks',
      ...settings,
      ...(gitDir === undefined ? [] : [`--git-dir=${gitDir}`]),
      ...place,
      ...args,
    ]);
    // One that was ended at a signal may count as done, while what it started is about to end.
    if (!isWhole) await ending.requireWanted();
  } catch (error) {
    await ending.requireWanted();
    // simple-git gives the negative error number when there was no process to have an exit code.
    if (answer.exitCode < 0) throw cannotRun(cwd, error);
  } finally {
    ending.release();
  }
  if (!isWhole)
    throw new StackError('git', `git ${args[0]} in ${cwd} has ended, and what it started holds its output open`, {
      hint: 'see what a filter or a helper of git leaves running there',
    });
  return answer;
}

/** Ends a question when the caller aborts it, or git waits for a pipe; `requireWanted` throws why, once git has ended. */
function endQuestionWhen(place: Place, signal: AbortSignal | undefined) {
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  let error: StackError | undefined;
  let children: Children = new Map();
  signal?.addEventListener('abort', stop);
  const unwatch = watchForPipes(place, async (found) => {
    children = (await bestEffort(listChildren())) ?? new Map();
    error = found;
    stop();
  });
  return {
    signal: ending.signal,
    async requireWanted(): Promise<void> {
      if (error) await bestEffort(endLeft(children));
      throwIfAborted(signal);
      if (error) throw error;
    },
    release(): void {
      unwatch();
      signal?.removeEventListener('abort', stop);
    },
  };
}

/**
 * Lets git change something, and gives exit code and words. It has no terminal and a process group of its own, so that
 * Ctrl-C does not cut it in half; at the deadline the whole group is ended. Throws `git` when git cannot run, `interrupted`.
 */
export async function changeGit(cwd: string, args: readonly string[], options: ChangeOptions): Promise<GitChange> {
  return AT_ONCE.change(() => runChange(cwd, args, options));
}

async function runChange(cwd: string, args: readonly string[], options: ChangeOptions): Promise<GitChange> {
  const { signal, deadlineSeconds } = options;
  throwIfAborted(signal);
  refusePipes(cwd, args);
  // Loading execa takes as long as ten questions, and many commands only ask.
  const { execa } = await import('execa');
  const scrubbed = Object.fromEntries(SCRUBBED.map((name) => [name, undefined]));
  // A hook's helpers may leave the group: they are known by what they carry.
  const marker = `git-${randomBytes(6).toString('hex')}`;
  // What is done in a moment needs no guard, which ends the rest with its hooks when this process is killed.
  const isGuarded = options.onStart !== undefined || (signal !== undefined && !options.harmless);
  const argv = ['git', ...args];
  const [program = '', ...words] = isGuarded ? guardArgv(argv, `${MARKER}=${marker}`) : argv;
  const child = launch(cwd, () =>
    execa(program, words, {
      cwd,
      env: { ...scrubbed, GIT_TERMINAL_PROMPT: '0', ...options.env, [MARKER]: marker },
      detached: true,
      stdio: [
        options.inputFile === undefined ? 'ignore' : { file: options.inputFile },
        ...(['pipe', 'pipe', isGuarded ? 'pipe' : 'ignore'] as const),
      ],
      reject: false,
      stripFinalNewline: false,
      encoding: 'buffer',
    }),
  );
  const gate = isGuarded ? (child.stdio[3] as Duplex) : undefined;
  // It may have been killed from outside; that shows as its end, not as a broken pipe.
  gate?.on('error', () => {});
  let forget = (): void => undefined;
  child.once('exit', () => gate?.end('done\n', () => gate.destroy()));
  try {
    if (child.pid !== undefined) forget = options.onStart?.({ pid: child.pid, name: marker, cwd }) ?? forget;
    gate?.write('go\n');
  } catch (error) {
    gate?.destroy();
    await child;
    throw error;
  }
  // By SIGTERM git takes its lock files with it.
  const survive = child.pid === undefined ? () => undefined : endWithMe(child.pid, { signal: 'SIGTERM', marker });
  // What git itself wrote is in the pipe then: it is read before the output is closed, however late this is.
  child.once('exit', () => setTimeout(() => setImmediate(() => closeOutput(child)), OUTPUT_MS).unref());
  const ending = endWhen({ pid: child.pid, marker }, deadlineSeconds, signal);
  const stuck: { error?: StackError } = {};
  const unwatch = watchForPipes({ cwd, args, gitDir: options.env?.GIT_DIR }, (error) => {
    stuck.error = error;
    ending.end();
  });
  const result = await child;
  forget();
  unwatch();
  const timedOut = await ending.settle();
  survive();
  throwIfAborted(signal);
  if (stuck.error && result.exitCode !== 0) throw stuck.error;
  const isUnrun = result.exitCode === undefined ? result.signal === undefined : isGuarded && isMissing(result.exitCode);
  if (isUnrun && !timedOut) throw cannotRun(cwd, result);
  return { exitCode: result.exitCode ?? -1, stdout: textOf(result.stdout), stderr: textOf(result.stderr), timedOut };
}

/** True where a shell tells by its exit code that it cannot run git, and it is so: git has these codes from others, too. */
function isMissing(exitCode: number): boolean {
  return [126, 127].includes(exitCode) && spawnSync('git', ['--version'], { cwd: '/' }).error !== undefined;
}

/** Returns git's version, `2.39.5`. Throws `git` when it is not there or older than `oldest`, by default 2.31. */
export async function gitVersion(oldest: readonly [major: number, minor: number] = OLDEST_GIT): Promise<string> {
  const text = await askGit('/', ['--version']);
  const version = /\d+(\.\d+)+/.exec(text)?.[0] ?? '0';
  if (isAtLeast(version, oldest)) return version;
  throw new StackError('git', `git ${version} is too old`, { hint: `install git ${oldest.join('.')} or newer` });
}

/** True for a version of git that is that one, or newer. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/**
 * Returns a `git` error: what was tried, git's own first line about it, and below that all that git said: what a filter, a hook,
 * ssh or a promisor remote says stands in front of git's last words.
 */
export function gitError(trying: string, answer: GitAnswer, hint?: string): StackError {
  const said = firstLine(answer.stderr);
  const lines = listWords(answer);
  const missing = lines.map((line) => MISSING.exec(line)?.[1]).find((name) => name !== undefined);
  const advice =
    hint ??
    (missing === undefined ? undefined : `git needs the program ${missing}: install it, or see that it is on PATH`);
  return new StackError('git', said === '' ? `${trying} (exit ${answer.exitCode})` : `${trying}: ${said}`, {
    ...(advice !== undefined && { hint: advice }),
    // One line alone is the headline already.
    lines: lines.length > 1 ? lines : [],
    details: { exitCode: answer.exitCode, stderr: answer.stderr.trim() },
  });
}

const UNSIGNED = /failed to sign|failed to write commit object|signing key|signingkey|Couldn't (load|find) .*key/i;

/** Returns what helps where git cannot sign a commit; undefined where something else is the matter. */
export function hintUnsigned({ stderr }: GitAnswer): string | undefined {
  if (!UNSIGNED.test(stderr)) return undefined;
  return 'commit.gpgsign is on: see that user.signingKey is a key you have, or `git config commit.gpgsign false`';
}

const SHOWN_LINES = 20;
/** As dash, bash and git say it: `sh: 1: git-lfs: not found`, `git-lfs: command not found`, `git: 'lfs' is not a git command`. */
const MISSING = /(?:^|[\s:'])([\w.+-]+): (?:command )?not found\b/;

/**
 * Returns the last lines of what git, and whoever it called, said, without their colours: hooks paint whatever they write to. Progress
 * overwrites its own line, and ends in `done.` or a share.
 */
export function listWords({ stderr }: GitAnswer): string[] {
  return stripVTControlCharacters(stderr)
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '' && !/^(hint:|Preparing worktree|HEAD is now)|\d+% \(\d+\/\d+\)/.test(line))
    .slice(-SHOWN_LINES);
}

/** Returns the first line of git's words that says something, without `fatal:`; '' when there is none. */
export function firstLine(stderr: string): string {
  const lines = stripVTControlCharacters(stderr)
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '' && !/^(hint|warning):/.test(line));
  const line = lines.find((one) => /^(fatal|error):/.test(one)) ?? lines[0] ?? '';
  return line.replace(/^(fatal|error): /, '').trim();
}

interface Streams {
  stdout: { destroy(): void };
  stderr: { destroy(): void };
}

function closeOutput(child: Streams): void {
  child.stdout.destroy();
  child.stderr.destroy();
}

/** Ends the group at the deadline, on abort or when told to; `settle` gives whether the deadline did it, once the group is gone. */
function endWhen(
  { pid, marker }: { pid: number | undefined; marker: string },
  seconds: number,
  signal: AbortSignal | undefined,
) {
  let timedOut = false;
  let ended: Promise<void> | undefined;
  const end = (): void => {
    if (pid !== undefined) ended ??= endTree(pid, marker);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, seconds * 1000);
  signal?.addEventListener('abort', end);
  return {
    end,
    async settle(): Promise<boolean> {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      await ended;
      return timedOut;
    },
  };
}

/** What the gits of this process have started, by the git that did. */
type Children = Map<number, number[]>;

/** Returns what runs below each child of this process, as long as that has not gone into the background on purpose. */
async function listChildren(): Promise<Children> {
  const rows = await listProcesses();
  const group = rows.find(({ pid }) => pid === process.pid)?.group;
  const below = (parent: number): ProcessRow[] => {
    const own = rows.filter((row) => row.parent === parent && row.group === group && !row.zombie);
    return own.flatMap((row) => [row, ...below(row.pid)]);
  };
  const gits = rows.filter((row) => row.parent === process.pid && row.group === group);
  return new Map(gits.map(({ pid }) => [pid, below(pid).map((row) => row.pid)]));
}

/** Ends what a git that was ended has left: the git that it asks in a submodule waits on, for the same pipe. */
async function endLeft(children: Children): Promise<void> {
  const alive = new Set((await listProcesses()).filter(({ zombie }) => !zombie).map(({ pid }) => pid));
  const left = [...children].flatMap(([git, own]) => (alive.has(git) ? [] : own.filter((pid) => alive.has(pid))));
  for (const pid of left) sendSignal(pid, 'SIGTERM');
}

/** Ends git with its hooks, and what these have started outside of git's group. */
async function endTree(group: number, marker: string): Promise<void> {
  const strays = await seenOr([], listStrays(group));
  noteStrays(group, strays);
  await endGroup(group);
  await bestEffort(endStrays(marker, strays));
  await bestEffort(endMarked(marker));
}

async function endGroup(group: number): Promise<void> {
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    sendSignal(-group, name);
    const deadline = performance.now() + GRACE_MS;
    while (performance.now() < deadline) {
      if (!(await hasMembers(group))) return;
      await wait(10);
    }
  }
}

/** Starts what throws at once where there are no descriptors for it. Throws `git`, `files`. */
function launch<Child>(cwd: string, start: () => Child): Child {
  try {
    return start();
  } catch (error) {
    throw cannotRun(cwd, error);
  }
}

/** What did not even get a process is told by simple-git and execa as a fault of their own: Node's word on it is asked for. */
function probe(cause: unknown): Error | undefined {
  const { code, message = '' } = (cause ?? {}) as { code?: string; message?: string };
  if (code === 'ENOENT' || message.includes('ENOENT')) return undefined;
  return spawnSync('git', ['--version'], { cwd: '/' }).error;
}

function cannotRun(cwd: string, cause: unknown): StackError {
  const shortage = explainShortage(cause) ?? explainShortage(probe(cause));
  if (shortage) return shortage;
  if (!existsSync(cwd)) return new StackError('git', `cannot run git in ${cwd}: there is no such folder`, { cause });
  if (!mayUse(cwd, constants.X_OK)) {
    return new StackError('git', `cannot run git in ${cwd}: permission denied`, {
      hint: 'check who owns the folder, and that it may be entered',
      cause,
    });
  }
  return new StackError('git', 'git was not found', {
    hint: `install git ${OLDEST_GIT.join('.')} or newer, and see that it is on PATH`,
    cause,
  });
}
