import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeFolder, readFileIfThere } from '../../../src/adapters/files/files.ts';
import { makeTemp } from '../../support/temp.ts';

describe('reading a file', () => {
  const makePipe = (): string => {
    const file = path.join(makeTemp(), 'pipe');
    execFileSync('mkfifo', [file]);
    return file;
  };

  /** A program that serves the pipe as a password manager does: it waits in `open` until somebody reads. */
  const serve = (pipe: string, script: string): void => {
    const child = spawn('sh', ['-c', script, pipe], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
  };

  it('gives its text, through links too, and undefined where there is none', async () => {
    const folder = makeTemp();
    writeFileSync(path.join(folder, 'file'), 'text ö');
    symlinkSync('file', path.join(folder, 'link'));
    expect(await readFileIfThere(path.join(folder, 'link'))).toBe('text ö');
    expect(await readFileIfThere(path.join(folder, 'none'))).toBeUndefined();
  });

  it('refuses a pipe at once, where none is wanted', async () => {
    await expect(readFileIfThere(makePipe())).rejects.toMatchObject({
      code: 'files',
      message: expect.stringMatching(/: it is a named pipe$/),
      hint: expect.stringContaining('regular file'),
    });
  });

  it('gives what comes out of a pipe, also in pieces, from a writer that was there before or comes later', async () => {
    const pipe = makePipe();
    const read = readFileIfThere(pipe, { pipe: true });
    serve(pipe, 'exec >"$0"; printf "A=1\\n"; sleep 0.1; printf "B=2\\n"');
    expect(await read).toBe('A=1\nB=2\n');
    serve(pipe, 'head -c 300000 /dev/zero >"$0"');
    expect(await readFileIfThere(pipe, { pipe: true })).toHaveLength(300_000);
  });

  it('gives up on a pipe that nobody fills, and hears an interruption', async () => {
    const [silent, other] = [makePipe(), makePipe()];
    const controller = new AbortController();
    const interrupted = readFileIfThere(other, { pipe: true, signal: controller.signal });
    controller.abort('SIGINT');
    await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' });
    await expect(readFileIfThere(silent, { pipe: true, waitSeconds: 0.2 })).rejects.toMatchObject({
      code: 'files',
      message: `cannot read the named pipe ${silent}: nothing came out of it within 0.2 seconds`,
      hint: expect.stringContaining('unlock'),
    });
  });

  it('refuses sockets, devices and folders; /dev/null is an empty file', async () => {
    const folder = makeTemp();
    const socket = path.join(folder, 'socket');
    const server = createServer();
    await new Promise<void>((done) => server.listen(socket, done));
    onTestFinished(() => void server.close());
    mkdirSync(path.join(folder, 'folder'));
    symlinkSync('/dev/zero', path.join(folder, 'zero'));
    symlinkSync('/dev/null', path.join(folder, 'null'));
    const reading = (name: string): Promise<string | undefined> =>
      readFileIfThere(path.join(folder, name), { pipe: true });
    await expect(reading('socket')).rejects.toThrow('it is a socket');
    await expect(reading('zero')).rejects.toThrow('it is a device');
    await expect(reading('folder')).rejects.toThrow('it is a folder');
    expect(await reading('null')).toBe('');
  });
});

describe('making a folder', () => {
  it('makes its parents, also where many do so at once', async () => {
    const folder = path.join(makeTemp(), 'a/b/c');
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(folder)));
    await makeFolder(folder);
    writeFileSync(path.join(folder, 'file'), '');
    await expect(makeFolder(path.join(folder, 'file'))).rejects.toMatchObject({ code: 'files' });
    await expect(makeFolder(path.join(folder, 'file/below'))).rejects.toMatchObject({ code: 'files' });
  });

  it.runIf(process.platform === 'linux')('comes to an end where none can be made', async () => {
    await expect(makeFolder('/proc/self/.local/state')).rejects.toMatchObject({
      code: 'files',
      message: 'cannot make the folder /proc/self/.local/state: nothing can be made there',
      hint: expect.stringContaining('HOME'),
    });
  });
});
