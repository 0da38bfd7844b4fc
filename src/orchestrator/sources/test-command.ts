import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { readWhole } from '../../adapters/files/read-file.ts';
import { findManagerName } from './manager-name.ts';
import { readManifest } from './manifest.ts';

/** What npm puts in where nobody has said anything. */
const NO_TESTS = /no test specified/;

/** Returns the command that runs the tests of a folder, as its `package.json` or Makefile says; undefined where neither does. */
export async function findTestCommand(folder: string): Promise<string | undefined> {
  const names = new Set((await ifReadable(readdir(folder))) ?? []);
  const texts = new Map<string, string>();
  for (const name of ['package.json', 'Makefile']) {
    const bytes = names.has(name) ? await ifReadable(readWhole(path.join(folder, name))) : undefined;
    if (bytes) texts.set(name, bytes.toString('utf8'));
  }
  const manifest = readManifest({ folder, names, texts });
  const script = manifest?.scripts.test;
  if (manifest && script !== undefined && !NO_TESTS.test(script)) {
    const manager = findManagerName({ names }, manifest);
    return manager === 'bun' ? 'bun run test' : `${manager} test`;
  }
  return /^test\s*:(?!=)/m.test(texts.get('Makefile') ?? '') ? 'make test' : undefined;
}
