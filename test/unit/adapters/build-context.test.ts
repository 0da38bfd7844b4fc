import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packContext } from '../../../src/adapters/docker/build-context.ts';
import { packFolder, readFirstEntries } from '../../../src/adapters/docker/tar.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stack-context-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** Names of files, folders left out, by walking the headers. */
async function list(dockerfile = 'Dockerfile'): Promise<string[]> {
  const stream = (await packContext(folder, dockerfile)).pipe(createGunzip());
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const names: string[] = [];
  for (let at = 0; bytes[at]; ) {
    const text = (from: number, length: number) =>
      bytes.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '');
    if (text(156, 1) !== '5') names.push(text(0, 100));
    at += 512 + Math.ceil(Number.parseInt(text(124, 12), 8) / 512) * 512;
  }
  return names.sort();
}

it('sends all files of a folder', async () => {
  await put({ Dockerfile: 'FROM x', 'src/a.js': 'a', 'src/deep/b.js': 'b' });
  await symlink('src/a.js', join(folder, 'link'));
  expect(await list()).toEqual(['Dockerfile', 'link', 'src/a.js', 'src/deep/b.js']);
});

it('leaves out what .dockerignore names', async () => {
  await put({
    '.dockerignore': '# comment\nnode_modules\n**/*.log\n*.md\n!README.md\n',
    Dockerfile: 'FROM x',
    'node_modules/x/index.js': '',
    'src/a.js': '',
    'src/a.log': '',
    'README.md': '',
    'NOTES.md': '',
    'src/NOTES.md': '',
  });
  expect(await list()).toEqual(['.dockerignore', 'Dockerfile', 'README.md', 'src/NOTES.md', 'src/a.js']);
});

it('finds exceptions below what is left out', async () => {
  await put({
    '.dockerignore': '*\n!src/keep\n!**/kept.txt\n',
    Dockerfile: '',
    'src/drop/a': '',
    'src/keep/b': '',
    'docs/c': '',
    'docs/deep/kept.txt': '',
  });
  expect(await list()).toEqual(['.dockerignore', 'Dockerfile', 'docs/deep/kept.txt', 'src/keep/b']);
});

it('sends the Dockerfile though it is left out', async () => {
  await put({ '.dockerignore': 'docker\nDockerfile\n', 'docker/Dockerfile.dev': '', 'docker/other': '', a: '' });
  expect(await list('docker/Dockerfile.dev')).toEqual(['.dockerignore', 'a', 'docker/Dockerfile.dev']);
});

it('takes the rules that belong to a Dockerfile before those of the folder', async () => {
  await put({ '.dockerignore': 'a\n', 'Dev.dockerignore': 'b\n', Dev: '', a: '', b: '' });
  expect(await list('Dev')).toEqual(['.dockerignore', 'Dev', 'Dev.dockerignore', 'a']);
});

it('writes and reads who owns a folder', async () => {
  async function* archive() {
    const bytes = packFolder('node_modules', 0o755, 501, 20);
    for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
  }
  const entries = await readFirstEntries(archive() as unknown as NodeJS.ReadableStream, 2);
  expect(entries).toEqual([{ uid: 501, mode: 0o755, size: 0 }]);
});
