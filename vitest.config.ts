// The test run: two groups of files. What touches the machine or its thread gets a process of its own per file; everything
// else shares its worker's modules, because starting a worker costs more than most files take.
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { doorAliases } from './scripts/door-aliases.ts';

const machine = [
  'test/host/**',
  'test/threads/**',
  'test/ambient/**',
  'test/cli/**',
  'test/package/**',
  'test/docs/**',
  'test/zoo/**',
  'test/bazel/**',
  'test/mutant-hunt/**',
];
/** Once a thread has used an `AsyncLocalStorage`, awaits are no longer followed in it as they are for others. */
const contexts = 'test/kernel/drain-context.test.ts';
const isolated = [...machine.map((glob) => `${glob}/*.test.ts`), contexts];

const config: ViteUserConfig = defineConfig({
  resolve: { alias: doorAliases() },
  test: {
    environment: 'node',
    globals: false,
    reporters: ['default', './scripts/tally-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // They end what hangs, and nothing else: a busy machine takes twenty times as long as an idle one.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    projects: [
      {
        extends: true,
        test: { name: 'pure', include: ['test/**/*.test.ts'], exclude: isolated, isolate: false },
      },
      // Some start half a dozen processes, one after the other, beside whatever else the machine does.
      {
        extends: true,
        test: {
          name: 'machine',
          include: isolated,
          isolate: true,
          globalSetup: './scripts/built-package.ts',
        },
      },
    ],
  },
});

export default config;
