import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';

test('the flags that an exploration sets are known to this engine', () => {
  const urlOf = (name: string): string => pathToFileURL(join(projectRoot, 'src', 'campaign', name)).href;
  const code = `
    const { allocateYoung } = await import('${urlOf('engine-allocation.ts')}');
    const { optimizeEarly } = await import('${urlOf('engine-optimization.ts')}');
    allocateYoung();
    optimizeEarly();
    console.log('set');`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', code],
    { encoding: 'utf8', cwd: projectRoot },
  );
  // The engine says what it does not know, and goes on.
  expect({ stdout, stderr }).toEqual({ stdout: 'set\n', stderr: '' });
});
