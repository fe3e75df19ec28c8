// The tests that mutation testing runs: those of the mutated folders, without what touches the machine.
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { doorAliases } from './scripts/door-aliases.ts';

const config: ViteUserConfig = defineConfig({
  resolve: { alias: doorAliases() },
  test: {
    environment: 'node',
    include: ['kernel', 'model', 'store', 'runners', 'execers', 'conformance', 'check', 'simulation'].map(
      (folder) => `test/${folder}/**/*.test.ts`,
    ),
    testTimeout: 20_000,
  },
});

export default config;
