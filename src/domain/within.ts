import path from 'node:path';

/** True when `file` is the folder, or lies in it; both are absolute paths without detours. */
export function isWithin(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}
