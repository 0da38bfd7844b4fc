import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from './file-errors.ts';

/**
 * Returns the places in a folder, relative to it, at which something else is mounted: deleting the folder would delete what is
 * there. Where the system has no `/proc` nothing is known. Throws `files`.
 */
export async function listMounts(folder: string): Promise<string[]> {
  const [table, top = folder] = await Promise.all([
    ifThere(readFile('/proc/self/mountinfo', 'utf8')),
    ifThere(realpath(folder)),
  ]);
  // proc_pid_mountinfo(5): the fifth field, in which a blank is `\040`.
  const places = (table ?? '')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, fromOctal));
  return places.filter((place) => place.startsWith(`${top}/`)).map((place) => path.relative(top, place));
}

/** Returns a path as the table of mounts has it. */
export function renderPlace(place: string): string {
  return place.replaceAll(/[\\ \t\n]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function fromOctal(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}
