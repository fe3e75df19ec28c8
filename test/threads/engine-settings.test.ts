import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';

test('this engine knows the flags that explorations and tests set', () => {
  const { href } = pathToFileURL(join(projectRoot, 'src', 'threads', 'engine-settings.ts'));
  const code = `
    const { tuneEngineForFewExecutions } = await import('${href}');
    tuneEngineForFewExecutions();
    console.log('set');`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', code],
    { encoding: 'utf8', cwd: projectRoot },
  );
  // The engine says what it does not know, and goes on.
  expect({ stdout, stderr }).toEqual({ stdout: 'set\n', stderr: '' });
});
