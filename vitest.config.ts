import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{graph,operators,sources,sinks,lake,venue,ui,bench,docs,pipelines}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    setupFiles: ['./vitest.setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
  },
});
