import { defineConfig } from 'vitest/config';

/**
 * Tests that talk over sockets with a clock that runs: a machine that stands still for seconds makes them miss their moment. They may
 * try again; what is deterministic may not.
 */
const LIVE = [
  'graph/bus/redis/**/*.test.ts',
  'sinks/store/arango/arango-*.test.ts',
  '{lake,sinks,ui}/**/*.s3.test.ts',
  'sources/binance/**/*.test.ts',
  'venue/server/**/*.test.ts',
  'venue/contract/**/*.test.ts',
  'ui/run/gateway*.test.ts',
  'bench/order-fault-*.test.ts',
  'ui/run/binance-market.test.ts',
  'ui/cli/start/**/*.test.ts',
  'ui/cli/live-run.test.ts',
  'ui/cli/commands/{venue,doctor,dlq}.test.ts',
  'ui/metrics/serve-*.test.ts',
  'ui/web/**/*.browser.test.ts',
  'ui/api/live/**/*.test.ts',
  'ui/observe/**/*.test.ts',
  'deploy/{redis,services}.test.ts',
  'pipelines/services{,-live,-trouble}.test.ts',
  'docs/docs.test.ts',
];
const common = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  setupFiles: ['./vitest.setup.ts'],
  pool: 'forks' as const,
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'offline',
          include: ['{graph,operators,sources,sinks,lake,venue,ui,bench,docs,deploy,pipelines}/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...LIVE],
        },
      },
      // The pause lets a stall pass: tries that follow at once meet the same one.
      { test: { ...common, name: 'live', include: LIVE, retry: { count: 2, delay: 3000 }, testTimeout: 120_000 } },
    ],
  },
});
