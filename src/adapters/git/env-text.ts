import path from 'node:path';
import { removeEnvBlock } from '../../domain/env-block.ts';
import { shortHash } from '../../domain/names.ts';
import { ifReadable } from '../files/file-errors.ts';
import { isThere, readFileIfThere } from '../files/files.ts';

/** An env file that stack writes. */
export interface EnvFile {
  worktree: string;
  /** The main checkout, whose own env file it began with. */
  repoPath: string;
  /** Relative to both. */
  file: string;
  /** Of the text around stack's block as it came; undefined when that is not known. */
  noted: string | undefined;
}

/** True when nobody has changed what stands around stack's block, or it is what the main checkout has. What may not be read is not known. */
export async function isKnownText({ worktree, repoPath, file, noted }: EnvFile): Promise<boolean> {
  const read = (top: string) => ifReadable(readFileIfThere(path.join(top, file)));
  const found = await read(worktree);
  if (found === undefined) return !(await isThere(path.join(worktree, file)));
  const text = removeEnvBlock(found);
  return text.trim() === '' || hashOf(text) === noted || text.trim() === (await read(repoPath))?.trim();
}

/** Returns a hash of the text around stack's block in an env file. */
export function hashOf(text: string): string {
  return shortHash(text.trim());
}
