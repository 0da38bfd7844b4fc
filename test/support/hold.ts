import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Run } from './product.ts';
import { until } from './until.ts';

const SLOW = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { rename } = fs.promises;
const { SLOW_FILE, SLOW_MARK } = process.env;
fs.promises.rename = async (from, to) => {
  if (String(to).endsWith(SLOW_FILE)) {
    fs.writeFileSync(SLOW_MARK, '');
    while (!fs.existsSync(SLOW_MARK + '.go')) await new Promise((done) => setTimeout(done, 20));
  }
  return rename(from, to);
};
syncBuiltinESMExports();
`;

/** Holds a command at one step, so that something else can be done meanwhile. */
export interface Hold {
  /** The file that says that the step has come; with `.go` behind its name, the one that lets it pass. */
  mark: string;
  /** A line of sh that is such a step. */
  wait: string;
  /** Makes the rename to one file such a step: a disk that is slow at the worst moment. */
  renameOf(file: string): Record<string, string>;
  /** Waits until the command has come to the step. Throws what it says when it ends before. */
  begun(ended: Promise<Run>): Promise<void>;
  go(): void;
}

/** Makes a hold with its files in a folder. */
export function makeHold(folder: string): Hold {
  const mark = path.join(folder, 'begun');
  const script = path.join(folder, 'slow.mjs');
  writeFileSync(script, SLOW);
  return {
    mark,
    wait: `touch ${mark}; while [ ! -e ${mark}.go ]; do sleep 0.05; done`,
    renameOf: (file) => ({ NODE_OPTIONS: `--import ${script}`, SLOW_FILE: file, SLOW_MARK: mark }),
    async begun(ended) {
      const over = ended.then((run) => {
        throw new Error(`it ended with ${run.code}: ${run.stderr}`);
      });
      await Promise.race([over, until('it has come to the slow step', () => existsSync(mark), 60)]);
    },
    go: () => writeFileSync(`${mark}.go`, ''),
  };
}
