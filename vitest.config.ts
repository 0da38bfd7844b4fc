import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Dependencies and build, where they are missing or old: the tests of the command line spawn the built bin.
    globalSetup: './test/support/set-up.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'quick', include: ['test/{unit,git}/**/*.test.ts', 'test/faults/fuzz-inside.test.ts'] },
      },
      // These lease ports and time out on a crowded machine: one file at a time.
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/{contract,docker,cli,faults}/**/*.test.ts'],
          exclude: ['test/faults/fuzz-inside.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
