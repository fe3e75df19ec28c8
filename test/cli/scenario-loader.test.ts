import { expect, test } from 'vitest';
import { findScenarios, nameScenarios } from '../../src/cli/scenario-loader.ts';

test('a shipped scenario is found by the name that it has once loaded', async () => {
  const loaded = (await findScenarios([])).map(({ definition }) => definition.name);
  expect((await nameScenarios([])).map(({ name }) => name)).toEqual(loaded);
  expect(loaded).toContain('polling-client');
});
