import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Dependencies and build, where they are missing or old: the tests of the command line spawn the built bin.
    globalSetup: './test/support/set-up.ts',
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // What CI tells of a failure is its message alone.
    chaiConfig: { truncateThreshold: 2000 },
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/{unit,git}/**/*.test.ts', 'test/faults/fuzz-inside.test.ts'],
          maxWorkers: availableParallelism() + 1,
        },
      },
      // These run programs, containers and servers: three files at a time, on ports that are parted (test/support/ports.ts).
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/{contract,docker,cli}/**/*.test.ts'],
          // As on a Mac alone (vitest.mac.config.ts).
          exclude: ['test/contract/process-unseen.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      // Each of these runs worlds side by side by itself.
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          exclude: ['test/faults/fuzz-inside.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
