import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StackError } from '../../domain/errors.ts';
import { parseFields } from '../../domain/json.ts';
import { ifReadable, ifThere } from '../files/file-errors.ts';
import { readFileIfThere, replaceFile } from '../files/files.ts';
import { askTool, seenOr } from './ask-tool.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from './identity.ts';
import type { LogFiles } from './log-files.ts';
import { readStat, sendSignal } from './stat.ts';

/** Read from the pipe at once. What dd reads it writes straight away, however little it is. */
const BLOCK = 16 * 1024;
const POLL_MS = 15;

/**
 * The numbers of splice(2), which moves what a pipe holds into a file without a copy of its own, and of gettimeofday(2), for which
 * not every perl has a module; from Linux's syscall tables.
 */
const SYSCALLS =
  process.platform === 'linux' ? { x64: ['275', '96'], arm64: ['76', '169'] }[process.arch as string] : [];

/**
 * Does what the shell below does, where there is a perl, as on macOS and beside most gits. It takes what has come meanwhile and
 * rests: dd wakes for every line, which costs a service that prints 10 MB a second in lines a quarter of a core. Linux lets the
 * pipe of such a service hold more, as far as the user's pipes may, and says how much (F_SETPIPE_SZ, F_GETPIPE_SZ, fcntl(2)): no
 * service waits while it rests. What cannot be moved into the file, since the disk is full or has another way, is read and written.
 * Where somebody put a FIFO in the log's place, output is dropped: to open it would wait for a reader. O_CREAT has a number of its own
 * on every system.
 *
 * Before it moves anything it notes beside the log where that will begin, and when it came: at most once in 10 ms, and counted
 * among what the log holds. The first line of that file is the log's inode, since the two are not put aside in one act. An entry
 * begins on a line of its own, also where the disk was full in the middle of the last.
 */
const PERL_KEEPER = String.raw`
use Fcntl;
my ($log, $half, $run, $splice, $clock) = @ARGV;
my $isFine = eval { require Time::HiRes };
my $linux = $^O eq "linux";
my $holds = $linux && fcntl(STDIN, 1032, 0) || 1 << 16;
vec(my $input, 0, 1) = 1;
my ($piece, $times, $inode, $noted);
# An entry of its own.
$half -= 64;

sub now {
  my $now = pack "l!2";
  return int 1000 * ($isFine ? Time::HiRes::time() : time) if !$clock || syscall 0 + $clock, $now, 0;
  my ($seconds, $micros) = unpack "l!2", $now;
  return $seconds * 1000 + int $micros / 1000;
}

sub put_times_aside {
  rename "$log.times", "$log.1.times" or unlink "$log.times", "$log.1.times";
  $inode = "";
}

sub open_times {
  for (1, 2) {
    sysopen $times, "$log.times", O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0600 and -f $times or return undef $times;
    sysread $times, my $head, 32;
    return if $head =~ /^$inode\n/;
    return syswrite $times, "$inode\n" if $head eq "";
    rename "$log.times", "$log.1.times" or unlink "$log.times";
  }
}

sub note_time {
  my ($out, $at) = @_;
  my ($now, $is) = (now(), (stat $out)[1]);
  return if $is eq $inode && abs($now - $noted) < 10;
  if ($is ne $inode) { $inode = $is; open_times() }
  $noted = $now;
  syswrite $times, "\n$at $now\n" if $times;
}

sub put_aside {
  return put_times_aside() if rename $log, "$log.1";
  unlink "$log.times";
  $inode = "";
  my $last = "";
  if (open my $in, "<", $log) { sysseek $in, -4096, 2; sysread $in, $last, 4096 }
  if (open my $out, ">", $log) { syswrite $out, $last }
}

for (;;) {
  select my $ready = $input, undef, undef, undef;
  my $room = $half - (-s $log || 0) - ($times && -s $times || 0);
  if ($room < 1) { put_aside(); $room = $half - (-s $log || 0) }
  $room = $half if $room < 1;
  $room = $holds if $room > $holds;
  my $isOpen = sysopen my $out, $log, O_WRONLY | O_CREAT | O_NONBLOCK, 0600;
  note_time($out, 0 + sysseek $out, 0, 2) if $isOpen && -f $out;
  my $moved = $splice && $isOpen ? syscall 0 + $splice, 0, 0, fileno $out, 0, $room, 0 : -1;
  if ($moved < 0) {
    $moved = sysread STDIN, $piece, $room;
    next if !defined $moved && $!{EINTR};
    syswrite $out, $piece if $isOpen;
  }
  last if !$moved;
  if ($moved < $holds / 2) { select undef, undef, undef, $holds / 17e6 }
  elsif ($linux) { $holds = fcntl(STDIN, 1031, 1 << 20) || $holds }
}
open my $file, "+<", "$log.keeper" or exit;
exit if !grep { index($_, $run) >= 0 } <$file>;
seek $file, 0, 2;
print $file "\n";
`;

/**
 * Copies its input into a log ($0), and puts the file aside once it holds $1 bytes, until nobody holds the other end of the
 * pipe; then it ends the line of the file that names it and the start ($3). perl does it ($4) where there is one, else a shell, without times:
 * it waits for as long as the service runs, in a few megabytes instead of forty. dd says how often it has read: less often than it
 * may means the end, unless it failed. A service must not wait for its log, so output is dropped while the disk is full or the
 * file may not be written, and all of it where there is no dd; of what cannot be put aside the last lines are kept. POSIX alone;
 * no `:` before a redirection, since a shell ends where that fails; no `head`: that one keeps output back, and BSD's reads too far.
 */
const KEEPER = `
trap '' HUP INT TERM XFSZ
umask 077
half=$1 run=$3
test -z "$2" || exec <"$2"
perl -ce "$4" >/dev/null 2>&1 && exec perl -e "$4" "$0" "$1" "$3" "$5" "$6"
finish() {
  grep -qs "$run" "$0.keeper" && echo >>"$0.keeper"
  exit 0
}
pour() {
  said=$(dd bs=${BLOCK} count="$2" 2>&1 >>"$1")
  code=$?
  said=\${said%% records in*}
  said=\${said##*[!0-9+]}
  test $code -ne 0 || test $((\${said:-0})) -ge "$2" || finish
}
while :; do
  out=$0
  test -p "$0" && out=/dev/null
  size=$(wc -c <"$out") || size=$half
  room=$(((half - $size) / ${BLOCK}))
  if test $room -lt 1; then
    mv -f "$0" "$0.1" || {
      last=$(tail -c 4096 "$0")
      printf "\${last:+%s\\\\n}" "$last" >"$0"
    }
    room=$(((half - 4097) / ${BLOCK}))
  fi
  pour "$out" $room
  case $code in
    0) ;;
    126 | 127)
      cat >/dev/null || while read -r line; do :; done
      finish ;;
    *) pour /dev/null 64 ;;
  esac
done
`;

/** Who keeps a log: a file beside it says so. */
interface Keeper extends ProcessIdentity {
  /** Names the start whose output it takes. */
  run: string;
  /** Bytes after which it puts the file aside. */
  half: number;
}

export interface KeeperRequest {
  run: string;
  /** Bytes that the log and the one before it may have together. */
  max: number;
  /** Where programs are looked for. */
  searchPath: string | undefined;
}

/**
 * The pipe of a log, opened once for each stream: a program that makes one of them never wait, as Node does, must not find the other
 * so. Both are open for reading too, so that a writer does not fail should the keeper be killed.
 */
export interface LogPipe {
  stdout: FileHandle;
  stderr: FileHandle;
}

/** Starts what takes the output of one start into its log, and gives the pipe to write to. Throws `process`, `files`. */
export async function startKeeper(files: LogFiles, request: KeeperRequest): Promise<LogPipe> {
  const { input, ...output } = await makePipe(request.searchPath);
  try {
    await launchKeeper(files, { ...request, half: Math.floor(request.max / 2) }, { stdin: input.fd });
    return output;
  } catch (error) {
    await closePipe(output);
    throw error;
  } finally {
    await input.close();
  }
}

/** Closes this process's ends of a pipe. */
export async function closePipe({ stdout, stderr }: LogPipe): Promise<void> {
  await Promise.all([stdout.close(), stderr.close()]);
}

/** The name of the pipe is needed for a moment alone: Node makes no pipe that a child could open again as /dev/stdout. */
async function makePipe(searchPath: string | undefined): Promise<LogPipe & { input: FileHandle }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stack-log-'));
  const file = path.join(folder, 'pipe');
  try {
    const maker = spawn('mkfifo', [file], { env: pathEnv(searchPath), stdio: 'ignore' });
    const [code] = (await once(maker, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`mkfifo ended with ${code ?? 'a signal'}`);
    const stdout = await open(file, 'r+');
    return { stdout, stderr: await open(file, 'r+'), input: await open(file, 'r') };
  } catch (error) {
    throw new StackError('process', `cannot make a pipe for a log in ${folder}: ${(error as Error).message}`, {
      hint: 'set TMPDIR to a folder on a disk of this machine',
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function launchKeeper(
  files: LogFiles,
  { run, half, searchPath }: Omit<KeeperRequest, 'max'> & { half: number },
  from: { stdin: number } | { file: string },
): Promise<void> {
  const [stdin, file] = 'stdin' in from ? [from.stdin, ''] : ['ignore' as const, from.file];
  // Not in the log's folder: it must not count as somebody who works there.
  const options = { cwd: '/', env: pathEnv(searchPath), detached: true };
  const child = spawn('/bin/sh', ['-c', KEEPER, files.log, String(half), file, run, PERL_KEEPER, ...(SYSCALLS ?? [])], {
    ...options,
    stdio: [stdin, 'ignore', 'ignore'],
  });
  await once(child, 'spawn');
  child.unref();
  const keeper: Keeper = { run, half, ...identifyProcess(child.pid!) };
  await replaceFile(keeperFileOf(files), JSON.stringify(keeper), { lasting: false });
}

function pathEnv(searchPath: string | undefined): Record<string, string> {
  return { PATH: searchPath ?? '/usr/bin:/bin', LC_ALL: 'C' };
}

/** Returns who keeps a log, dead or alive; undefined when nobody does. */
export async function readKeeper(files: LogFiles): Promise<Keeper | undefined> {
  const text = await ifReadable(readFileIfThere(keeperFileOf(files)));
  const keeper = parseFields<Keeper>(text);
  return typeof keeper.startTime === 'string' ? (keeper as Keeper) : undefined;
}

/** True while a log's keeper has not taken all that was printed. */
export async function isKept(keeper: Keeper | undefined): Promise<boolean> {
  return keeper !== undefined && isAlive(keeper);
}

/** Unix milliseconds since when nobody holds the output of a start any more; undefined while somebody does, or nobody saw it. */
export async function keptUntil(files: LogFiles, run: string): Promise<number | undefined> {
  const file = keeperFileOf(files);
  const text = await ifReadable(readFileIfThere(file));
  const isOver = text?.endsWith('\n') && (await readKeeper(files))?.run === run;
  return isOver ? (await ifThere(stat(file)))?.mtimeMs : undefined;
}

/** Waits until all that was printed is in the log; not for long, since a program that was left behind may hold the pipe. */
export async function waitForKeeper(files: LogFiles, milliseconds = 1000): Promise<void> {
  const keeper = await readKeeper(files);
  const deadline = performance.now() + milliseconds;
  while ((await isKept(keeper)) && performance.now() < deadline) await wait(POLL_MS);
}

/** Ends the keeper of a service that has ended, once it has taken what was printed. None is done. */
export async function endKeeper(files: LogFiles): Promise<void> {
  const keeper = await readKeeper(files);
  await waitForKeeper(files);
  if (keeper && (await isKept(keeper)) && (await isKeeperOf(keeper, files))) sendSignal(-keeper.pid, 'SIGKILL');
  await waitForKeeper(files);
}

/** What stands beside a log may have been copied from another root, or forged: the program itself says which log it keeps. */
async function isKeeperOf({ pid, run }: Keeper, { log }: LogFiles): Promise<boolean> {
  if (process.platform !== 'linux') {
    const text = await seenOr('', askTool('ps', ['-ww', '-o', 'command=', '-p', String(pid)]));
    // BSD's ps writes letters beyond ASCII in a way of its own.
    return [run, ...log.split(/[^ -~]+/)].every((part) => text.includes(part));
  }
  const text = await ifReadable(readFileIfThere(`/proc/${pid}/cmdline`));
  return text?.split('\0').includes(log) ?? false;
}

/**
 * Starts a keeper again that was killed, where the system lends the pipe again: Linux. `holder` has it as its output. One that
 * was stopped (SIGSTOP) goes on: else the service would wait for it once the pipe is full.
 */
export async function repairKeeper(files: LogFiles, holder: number, searchPath: string | undefined): Promise<void> {
  if (process.platform !== 'linux') return;
  const keeper = await readKeeper(files);
  if (!keeper) return;
  if (await isKept(keeper)) {
    if (readStat(keeper.pid)?.state === 'T' && (await isKeeperOf(keeper, files))) sendSignal(-keeper.pid, 'SIGCONT');
    return;
  }
  const file = `/proc/${holder}/fd/1`;
  // A service that an older version started writes to the file itself.
  if ((await ifReadable(stat(file)))?.isFIFO()) await launchKeeper(files, { ...keeper, searchPath }, { file });
}

/** Returns the file that says who keeps a log. */
export function keeperFileOf(files: LogFiles): string {
  return `${files.log}.keeper`;
}
