import { defineConfig } from 'vitest/config';

/** The presets of agents, tried on the real programs: hundreds of MB from the package registry, so it is not in `npm run verify`. */
export default defineConfig({
  test: {
    globalSetup: './test/support/set-up.ts',
    include: ['test/agents/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    maxWorkers: 1,
  },
});
