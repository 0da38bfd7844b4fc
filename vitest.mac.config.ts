import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { becomeOrdinaryUser } from './test/support/ordinary-user.ts';
import config from './vitest.config.ts';

becomeOrdinaryUser();

const { projects: _, ...test } = config.test ?? {};

/** What runs without an engine, and says nothing that Linux alone can show, once more as on a Mac (test/support/mac.ts). */
export default defineConfig({
  test: {
    ...test,
    env: { STACK_TEST_MAC: path.resolve(import.meta.dirname, 'test/support/mac/usual') },
    globalSetup: ['./test/support/set-up.ts', './test/support/mac-servers.ts'],
    setupFiles: './test/support/mac-worker.ts',
    projects: [
      {
        extends: true,
        test: {
          name: 'mac',
          include: ['test/contract/process*.test.ts', 'test/cli/**/*.test.ts'],
          exclude: ['test/cli/{mac-*,could-not-look}.test.ts'],
          maxWorkers: 3,
        },
      },
      {
        extends: true,
        test: {
          name: 'mac faults',
          include: ['test/faults/matrix.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
