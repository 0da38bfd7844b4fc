import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';

const LOOK_SECONDS = 0.5;

/**
 * Calls `tell` once nobody reads any more what goes into a pipe, although nothing is written; returns what ends the watch. Node tells of
 * that only at a write, and GNU's `tail -f` looks for it (coreutils since 8.28); where another `tail` is there nobody is told.
 */
export function watchReader(stream: NodeJS.WriteStream, tell: () => void): () => void {
  const { fd } = stream as { fd?: number };
  if (fd === undefined || !fstatSync(fd).isFIFO()) return () => undefined;
  const args = ['-f', '-s', String(LOOK_SECONDS), `--pid=${process.pid}`, '/dev/null'];
  const child = spawn('tail', args, { stdio: ['ignore', fd, 'ignore'] });
  child.on('error', () => undefined);
  child.on('exit', (_, signal) => {
    if (signal === 'SIGPIPE') tell();
  });
  child.unref();
  return () => child.kill();
}
