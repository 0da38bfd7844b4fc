import {
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { bestEffort, StackError } from '../../domain/errors.ts';
import { pathOf } from '../files/byte-names.ts';
import { ifReadableNow } from '../files/file-errors.ts';
import { inSlices } from '../files/find-files.ts';
import { readEntries } from './risk/inside.ts';

/** Where git is asked something. */
export interface Place {
  cwd: string;
  args: readonly string[];
  /** Another git folder than the one that git would find. */
  gitDir?: string | undefined;
}

/** What reads the files that say what git ignores and how it reads files. */
const READS_RULES = new Set([
  'status',
  'ls-files',
  'check-ignore',
  'check-attr',
  'checkout-index',
  'diff',
  'hash-object',
]);
/** What else goes through the files of a worktree. */
const READS_FILES = new Set([
  ...READS_RULES,
  ...['add', 'checkout', 'commit', 'diff-files', 'diff-index', 'read-tree', 'reset', 'sparse-checkout', 'stash'],
  ...['submodule', 'update-index'],
]);

/** Git answers within a moment, or has much to do, or waits for a pipe: only then is the pipe looked for. */
const PATIENCE_MS = 3000;
/** Once a pipe was found, the next git that is silent most likely waits for it too. */
const SHORT_PATIENCE_MS = 500;
/** How long a search may take. */
const SEARCH_MS = 10_000;

/** What git reads in a worktree beside the files that it keeps. */
const IN_WORKTREE = new Set(['.gitignore', '.gitattributes', '.gitmodules']);
/** What git reads in its own folder. Tools keep pipes of their own there too. */
const IN_GIT_DIR =
  /(?:^|\/)(?:[A-Z_]+|config(?:\.worktree)?|(?:shared)?index(?:\.\w+)?|packed-refs|commondir|gitdir|shallow|locked)$|(?:^|\/)(?:info|logs|pack|rebase-apply|rebase-merge|refs|reftable|sequencer)\//;
/** `core.excludesFile`, `core.attributesFile` and `include.path`, in a config file. */
const FILE_IN_SETTINGS = /^\s*(excludesfile|attributesfile|path)\s*=\s*"?([^"\n]*)/gim;
/** Objects are many, and no tool makes a pipe among them; the rest is not read by a question. */
const PASSED_OVER = /(?:^|\/)(?:objects\/[0-9a-f]{2}|annex|hooks|lfs)$/;

let patience = PATIENCE_MS;
let environment: Readonly<Record<string, string | undefined>> = {};

/** Tells what environment git inherits: it says where a person's own settings are. */
export function lookForSettingsOf(env: Readonly<Record<string, string | undefined>>): void {
  environment = env;
}

/** Throws `git` where git would wait for a pipe in the place of a file with its rules: at the top of a checkout, and in its git folder. */
export function refusePipes(cwd: string, [command = '', verb = '']: readonly string[]): void {
  const readsTop = READS_RULES.has(command);
  if (!readsTop && !(command === 'worktree' && verb === 'add')) return;
  const info = path.join(findCommonDir(followDotGit(path.join(cwd, '.git'))), 'info');
  const atTop = readsTop ? ['.gitignore', '.gitattributes'].map((name) => path.join(cwd, name)) : [];
  const file = [...atTop, path.join(info, 'exclude'), path.join(info, 'attributes')].find(isPipe);
  if (file !== undefined) throw pipeError(file);
}

/**
 * Looks for a pipe where git reads a file, once git has said nothing for a while; `onFound` is told of one, with the error that
 * it stands for. A git that is just slow is not disturbed. Returns what ends the watch.
 */
export function watchForPipes(place: Place, onFound: (error: StackError) => void): () => void {
  let over = false;
  const look = async (): Promise<void> => {
    const file = await bestEffort(findPipe(place, () => over));
    if (file === undefined || over) return;
    patience = SHORT_PATIENCE_MS;
    onFound(pipeError(file));
  };
  const timer = setTimeout(look, patience);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

function pipeError(file: string): StackError {
  const hint = 'move it away, or put a file in its place, then run the command again';
  return new StackError('git', `${file} is a pipe, and git would wait for it`, { hint });
}

/** Opens nothing but the regular files that say where a git folder is. */
async function findPipe(place: Place, isOver: () => boolean): Promise<string | undefined> {
  const deadline = performance.now() + SEARCH_MS;
  let found: string | undefined;
  const isEnough = (): boolean => found !== undefined || isOver() || performance.now() > deadline;
  await inSlices(listCandidates(place, isEnough), (file) => {
    if (isPipe(file)) found = file;
  });
  return found;
}

/** Lists what may be a pipe, git's own folders first: they are small. */
function* listCandidates({ cwd, args, gitDir }: Place, isEnough: () => boolean): Generator<string> {
  const top = findTop(cwd);
  const search = { isEnough, seen: new Set<string>() };
  if (gitDir !== undefined) yield* listInGitDir(path.resolve(cwd, gitDir), search);
  if (top !== undefined) yield* listOfDotGit(top.dotGit, search);
  yield* listFromSettings([...search.seen].map((folder) => path.join(folder, 'config')));
  if (READS_FILES.has(commandOf(args))) yield* listInWorktree(gitDir === undefined ? top?.folder : cwd, search);
}

interface Search {
  /** True: nothing more is looked at. */
  isEnough: () => boolean;
  /** Git folders, and folders that a link led to. */
  seen: Set<string>;
}

/** The first word that is no option: `-c name=value status`. */
function commandOf(args: readonly string[]): string {
  return args.find((arg, index) => !arg.startsWith('-') && args[index - 1] !== '-c') ?? '';
}

/** The checkout that a folder is in, or the git folder that it is in. */
function findTop(cwd: string): { folder: string | undefined; dotGit: string } | undefined {
  for (let folder = cwd; ; folder = path.dirname(folder)) {
    const dotGit = path.join(folder, '.git');
    if (look(dotGit) !== undefined) return { folder, dotGit };
    if (look(path.join(folder, 'objects')) && look(path.join(folder, 'HEAD')))
      return { folder: undefined, dotGit: folder };
    if (path.dirname(folder) === folder) return undefined;
  }
}

function* listInWorktree(top: string | undefined, search: Search): Generator<string> {
  const folders = top === undefined ? [] : [top];
  for (let folder = folders.pop(); folder !== undefined && !search.isEnough(); folder = folders.pop()) {
    for (const entry of readEntries(folder)) {
      const place = path.join(folder, entry.name);
      if (entry.name === '.git') yield* listOfDotGit(place, search);
      else if (entry.isDirectory()) folders.push(place);
      else if (!entry.isFile() && IN_WORKTREE.has(entry.name)) yield place;
    }
    // So that others have their turn between two folders without anything of interest as well.
    yield folder;
  }
}

function* listOfDotGit(dotGit: string, search: Search): Generator<string> {
  yield dotGit;
  const gitDir = followDotGit(dotGit);
  yield* listInGitDir(gitDir, search);
  yield path.join(gitDir, 'commondir');
  const commonDir = findCommonDir(gitDir);
  yield* listInGitDir(commonDir, search);
  const objects = path.join(commonDir, 'objects');
  const alternates = readText(path.join(objects, 'info', 'alternates')).split('\n');
  for (const other of alternates.filter(Boolean)) yield* listInGitDir(path.resolve(objects, other), search);
}

/**
 * Lists a person's own settings, and the files that these and the repo's lead to. A value that is no path does no harm: only
 * a pipe counts.
 */
function* listFromSettings(ofRepo: readonly string[]): Generator<string> {
  const home = homedir();
  const { XDG_CONFIG_HOME, GIT_CONFIG_SYSTEM = '/etc/gitconfig', GIT_CONFIG_GLOBAL } = environment;
  const own = path.join(XDG_CONFIG_HOME || path.join(home, '.config'), 'git');
  yield* [path.join(own, 'ignore'), path.join(own, 'attributes')];
  const ofPerson = [path.join(home, '.gitconfig'), path.join(own, 'config')];
  const global = GIT_CONFIG_GLOBAL === undefined ? ofPerson : [GIT_CONFIG_GLOBAL];
  const configs = new Set([GIT_CONFIG_SYSTEM, ...global, ...ofRepo]);
  // A set's walk reaches what is added meanwhile: files that settings include.
  for (const config of configs) {
    yield config;
    for (const [, key = '', value = ''] of readText(config).matchAll(FILE_IN_SETTINGS)) {
      const file = path.resolve(path.dirname(config), value.trim().replace(/^~(?=\/)/, home));
      if (key.toLowerCase() === 'path') configs.add(file);
      else yield file;
    }
  }
}

/** Links are followed: what git reads there may be kept elsewhere. */
function* listInGitDir(top: string, search: Search): Generator<string> {
  const folders = search.seen.has(top) ? [] : [top];
  search.seen.add(top);
  const isFolder = (place: string, entry: Dirent): boolean =>
    entry.isDirectory() || (entry.isSymbolicLink() && isNewFolder(place, search));
  for (let folder = folders.pop(); folder !== undefined && !search.isEnough(); folder = folders.pop()) {
    const others = readEntries(folder).filter((entry) => !entry.isFile());
    for (const entry of others) {
      const place = path.join(folder, entry.name);
      const name = path.relative(top, place);
      if (!isFolder(place, entry)) yield* IN_GIT_DIR.test(name) ? [place] : [];
      else if (!PASSED_OVER.test(name)) folders.push(place);
    }
    yield folder;
  }
}

/** A link may lead back to where it is. */
function isNewFolder(link: string, { seen }: Search): boolean {
  const real = ifReadableNow(() => realpathSync(link));
  if (real === undefined || seen.has(real) || !ifReadableNow(() => statSync(real))?.isDirectory()) return false;
  seen.add(real);
  return true;
}

function isPipe(file: string): boolean {
  return ifReadableNow(() => statSync(pathOf(file)))?.isFIFO() ?? false;
}

function look(place: string): Stats | undefined {
  return ifReadableNow(() => lstatSync(pathOf(place)));
}

/** The git folder of a checkout; a path that leads nowhere where there is none. */
function followDotGit(dotGit: string): string {
  const pointer = readText(dotGit);
  return pointer === '' ? dotGit : path.resolve(path.dirname(dotGit), pointer.replace(/^gitdir: /, ''));
}

function findCommonDir(gitDir: string): string {
  return path.resolve(gitDir, readText(path.join(gitDir, 'commondir')));
}

/** '' for what is no regular file; one that becomes a pipe meanwhile keeps nobody waiting. */
function readText(file: string): string {
  return ifReadableNow(() => statSync(pathOf(file)).isFile() && readAtOnce(file).trimEnd()) || '';
}

function readAtOnce(file: string): string {
  const opened = openSync(pathOf(file), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readFileSync(opened, 'utf8');
  } finally {
    closeSync(opened);
  }
}
