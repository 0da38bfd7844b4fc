import path from 'node:path';

/** The folder of a root that stack keeps its own things in. No other file spells what is in there. */
export const STATE_FOLDER = '.stack';

/** The state and its copy, which each write replaces as a whole. */
export const STATE_FILES = ['state.json', 'state.json.bak'] as const;

/**
 * The folders in there that stack writes to and deletes from: what programs print, records of processes, data of shared
 * servers, data of tickets' own servers, data of destroyed tickets, worktrees that are being deleted, changes of several repos that are
 * under way, what this person has seen of tickets' work, runs of agents in tickets, documents that tickets are handed, messages
 * of commits that did not come about, plans of several tickets.
 */
export const STATE_FOLDERS = [
  ...(['logs', 'run', 'shared', 'own', 'dumps', 'trash', 'changes', 'seen'] as const),
  ...(['runs', 'documents', 'messages', 'plans'] as const),
] as const;

/** Returns the path of `.stack`. */
export function stateFolder(root: string): string {
  return path.join(root, STATE_FOLDER);
}

/** Returns the path of a folder in `.stack`, or of what is in it: of a ticket's, of a service's. */
export function inFolder(root: string, folder: (typeof STATE_FOLDERS)[number], ...names: string[]): string {
  return path.join(root, STATE_FOLDER, folder, ...names);
}

/** Returns the path of the state. */
export function stateFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, STATE_FILES[0]);
}

/** Returns the path of the same text once more, for when the state is lost or damaged. */
export function stateBackupOf(root: string): string {
  return path.join(root, STATE_FOLDER, STATE_FILES[1]);
}

/** Returns the path of the lock that is held while the state is read and written. */
export function stateLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'state.lock');
}

/** Returns the path of the lock that is held while what tickets share is made or removed. */
export function upLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'up.lock');
}

/** Returns the path of the lock that is held from the count of what runs until what is about to run beside it is recorded. */
export function roomLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'room.lock');
}

/** Returns the path of the passwords that stack made up. */
export function passwordsFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'passwords.json');
}

/** Returns the path of the values that compose is handed. */
export function composeEnvFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'compose.env');
}

/** Returns the path of what a service prints. */
export function serviceLogOf(root: string, ticket: string, service: string): string {
  return inFolder(root, 'logs', ticket, `${service}.log`);
}

/** Returns the path of what a repo's setup and migrate commands print. */
export function setupLogOf(root: string, ticket: string, repo: string): string {
  return inFolder(root, 'logs', ticket, `${repo}.setup.log`);
}

/** Returns the path of what the command that verified a ticket's last merge printed. */
export function verifyLogOf(root: string, ticket: string): string {
  return inFolder(root, 'logs', ticket, 'verify.log');
}

/** Returns the path of the note of how that command ended, and on which commits of the ticket. */
export function verifyResultOf(root: string, ticket: string): string {
  return inFolder(root, 'logs', ticket, 'verify.json');
}

/** Returns the path of the note that a service's ready pattern was seen in its log. */
export function readyMarkOf(root: string, ticket: string, service: string): string {
  return inFolder(root, 'logs', ticket, `${service}.ready`);
}

/** Where the things of one run of an agent are, all in a folder of its own. */
export interface RunFiles {
  folder: string;
  /** What is known of it; written before anything of it begins. */
  record: string;
  /** What it was told to do. */
  prompt: string;
  /** Lines that the agent's hooks and `stack note` add. */
  events: string;
  /** The lines before those, once they were many. */
  turned: string;
  /** What it printed, where stack keeps that. */
  log: string;
  /** Its exit code, once it has ended. */
  exit: string;
  /** The shell script that begins it, with its environment; deleted by the shell that reads it. */
  start: string;
}

/** Returns where a run's things are. */
export function runFilesOf(root: string, ticket: string, id: string): RunFiles {
  const folder = inFolder(root, 'runs', ticket, id);
  const at = (name: string): string => path.join(folder, name);
  return {
    ...{ folder, record: at('run.json'), prompt: at('prompt'), events: at('events'), turned: at('events.1') },
    ...{ log: at('log'), exit: at('exit'), start: at('start') },
  };
}

/** Returns the path of the lock that is held while a run of a ticket is written down. */
export function runsLockOf(root: string, ticket: string): string {
  return path.join(root, STATE_FOLDER, `runs-${ticket}.lock`);
}

/** Returns the path of the lock that is held while the root's tmux server is started, or what it left is cleared away. */
export function tmuxLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'tmux.lock');
}

/** Returns the path of the journal of a change of several repos of a ticket. */
export function journalOf(root: string, ticket: string): string {
  return inFolder(root, 'changes', ticket, 'journal.json');
}

/** Returns the path of the index of one of these repos, as it was before the change. */
export function keptIndexOf(root: string, ticket: string, repo: string): string {
  return inFolder(root, 'changes', ticket, `${repo}.index`);
}

/** Returns the path of a message that a person wrote for a commit of a ticket. */
export function messageFileOf(root: string, ticket: string, id: string): string {
  return inFolder(root, 'messages', `${ticket}-${id}`);
}

/** Returns the path of the lock that is held while repos of a ticket are changed as one. */
export function changeLockOf(root: string, ticket: string): string {
  return path.join(root, STATE_FOLDER, `change-${ticket}.lock`);
}

/** Returns the path of what is known of how tickets' work collides. */
export function collisionsFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'collisions.json');
}

/** Returns the path of what collisions people were told of. */
export function toldFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'told-collisions.json');
}

/** Returns the path of the lock that is held while they are told. */
export function toldLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'told-collisions.lock');
}

/** Returns the path of what is known of how tickets' commits stand to their bases. */
export function standingsFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'standings.json');
}

/** The file of a ticket's folder in which lines tell what became of it. */
export const NOTES_FILE = 'NOTES.md';

/** Returns the path of a ticket's notes, in its folder. */
export function notesFileOf(folder: string): string {
  return path.join(folder, NOTES_FILE);
}

/** The file of a ticket's folder that tells who works there what it is about. */
export const BRIEF_FILE = 'TICKET.md';

/** Returns the path of that file. */
export function briefFileOf(folder: string): string {
  return path.join(folder, BRIEF_FILE);
}

/** Returns the path of the queue of tickets that are to be merged. */
export function queueFileOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'queue.json');
}

/** Returns the path of the lock that is held while the queue is read and written. */
export function queueLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'queue.lock');
}

/** Returns the path of the lock that is held while tickets of the queue are merged. */
export function queueRunLockOf(root: string): string {
  return path.join(root, STATE_FOLDER, 'queue-run.lock');
}

/** Where the things of a plan are, all in a folder of its own. */
export interface PlanFiles {
  folder: string;
  /** The plan as it was read last. */
  plan: string;
  /** What has become of it, a line each. */
  journal: string;
  /** What a plan that goes on in the background narrates, and how that ended. */
  log: string;
  exit: string;
  /** The lock that is held while somebody drives it, and that for its journal. */
  lock: string;
  journalLock: string;
}

/** Returns where a plan's things are. */
export function planFilesOf(root: string, plan: string): PlanFiles {
  const folder = inFolder(root, 'plans', plan);
  const at = (name: string): string => path.join(folder, name);
  return {
    ...{ folder, plan: at('plan.json'), journal: at('journal.jsonl'), log: at('log'), exit: at('exit') },
    ...{ lock: at('run.lock'), journalLock: at('journal.lock') },
  };
}

/** Returns the folder in which a review of a ticket goes on. */
export function reviewFolderOf(root: string, plan: string, { ticket, run }: { ticket: string; run: string }): string {
  return inFolder(root, 'plans', plan, 'reviews', ticket, run);
}
