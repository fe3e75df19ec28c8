// The tests that mutation testing runs: those of the mutated folders and of what stands on them, without what touches the machine or
// takes long.
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { doorAliases } from './scripts/door-aliases.ts';

const config: ViteUserConfig = defineConfig({
  resolve: { alias: doorAliases() },
  test: {
    environment: 'node',
    include: [
      ...['kernel', 'model', 'store', 'runners', 'execers', 'conformance', 'check', 'simulation', 'door'].map(
        (folder) => `test/${folder}/**/*.test.ts`,
      ),
      'test/explore/exhaustive/exhaustive-footprints.test.ts',
    ],
    testTimeout: 20_000,
  },
});

export default config;
