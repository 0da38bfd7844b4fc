import { fitsBrief } from './brief.ts';
import { cutAtWord } from './few.ts';

/** A file that tells more of what is to be done. `.stack/documents` keeps what it holds, by its hash. */
export interface DocumentRecord {
  /** Its name in the ticket's folder of documents. */
  name: string;
  /** SHA-256 of its content, in hex. */
  hash: string;
  /** It is the whole of a task that is too long for the record. */
  isTask?: boolean | undefined;
}

/** The folders of a ticket's folder in which its documents may be; no repo can be called as the second one. */
export const DOCUMENTS_FOLDERS = ['context', '_context'] as const;

/** Returns the one that a ticket with these repos has, its own and borrowed ones, each of which may get a worktree of its name. */
export function documentsFolderOf(repos: Readonly<Record<string, unknown>>): string {
  const [usual, other] = DOCUMENTS_FOLDERS;
  return Object.hasOwn(repos, usual) ? other : usual;
}

/** The name that a task has there. */
export const TASK_DOCUMENT = 'TASK.md';

const BEGINNING = 300;

/** Returns what the record has of a task: all of it, or its beginning where it is kept in a document. */
export function splitTask(task: string): { text: string; isWhole: boolean } {
  const isWhole = fitsBrief(task);
  return { text: isWhole ? task : cutAtWord(task.slice(0, BEGINNING * 4).trim(), BEGINNING), isWhole };
}

/** Returns the first line of a task; undefined where there is none. */
export function titleOfTask(task: string | undefined): string | undefined {
  return task
    ?.split('\n')
    .map((line) => line.replace(/^#+ /, '').trim())
    .find((line) => line !== '');
}
