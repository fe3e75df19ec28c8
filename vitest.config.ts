// The test run: two groups of files. What touches the machine gets a process of its own per file; everything
// else shares its worker's modules, because starting a worker costs more than most files take.
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { packageDoors } from './scripts/package-doors.ts';

const machine = ['test/host/**', 'test/ambient/**', 'test/cli/**', 'test/package/**', 'test/docs/**'];
// The package's own name means its sources in tests, as in the examples of the documents.
const doors = packageDoors().map(({ specifier, source }) => ({
  find: new RegExp(`^${specifier}$`),
  replacement: fileURLToPath(new URL(source, import.meta.url)),
}));
const asTests = (globs: string[]): string[] => globs.map((glob) => `${glob}/*.test.ts`);

const config: ViteUserConfig = defineConfig({
  resolve: { alias: doors },
  test: {
    environment: 'node',
    globals: false,
    reporters: ['default', './scripts/tally-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: { name: 'pure', include: ['test/**/*.test.ts'], exclude: asTests(machine), isolate: false },
      },
      { extends: true, test: { name: 'machine', include: asTests(machine), isolate: true } },
    ],
  },
});

export default config;
