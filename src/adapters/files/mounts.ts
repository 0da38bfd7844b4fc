import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { askTool, seenOr } from '../process/ask-tool.ts';
import { lookTogether } from '../process/together.ts';
import { ifThere } from './file-errors.ts';

/**
 * Returns the places in a folder, relative to it, at which something else is mounted: deleting the folder would delete what is
 * there. Where nobody can see that, it is said once, and nothing is known. Throws `files`.
 */
export async function listMounts(folder: string): Promise<string[]> {
  const [places, top = folder] = await Promise.all([listAllPlaces(), ifThere(realpath(folder))]);
  return places.filter((place) => place.startsWith(`${top}/`)).map((place) => path.relative(top, place));
}

/** A ticket has many worktrees, and each of them is looked at. */
const listAllPlaces = lookTogether(async (): Promise<string[]> => {
  const table = await ifThere(readFile('/proc/self/mountinfo', 'utf8'));
  // proc_pid_mountinfo(5): the fifth field, in which a blank is `\040`.
  if (table !== undefined)
    return table.split('\n').map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, fromOctal));
  // mount(8) of macOS: `/dev/disk4s1 on /Volumes/A disk (apfs, local, nodev, nosuid)`.
  const lines = (await seenOr('', askTool('mount', []))).split('\n');
  return lines.map((line) => / on (\/.*) \([^()]*\)$/.exec(line)?.[1] ?? '');
});

/** Returns a path as the table of mounts has it. */
export function renderPlace(place: string): string {
  return place.replaceAll(/[\\ \t\n]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function fromOctal(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}
