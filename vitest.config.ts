// The test run: two groups of files. What touches the machine gets a process of its own per file; everything
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
const asTests = (globs: string[]): string[] => globs.map((glob) => `${glob}/*.test.ts`);

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
        test: { name: 'pure', include: ['test/**/*.test.ts'], exclude: asTests(machine), isolate: false },
      },
      // Some start half a dozen processes, one after the other, beside whatever else the machine does.
      {
        extends: true,
        test: {
          name: 'machine',
          include: asTests(machine),
          isolate: true,
          globalSetup: './scripts/built-package.ts',
        },
      },
    ],
  },
});

export default config;
