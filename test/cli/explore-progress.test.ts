// What somebody who waits for `explore` sees: nothing bounds how long a file loads or a scenario prepares.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { progressText } from '../../src/cli/explore-command.ts';
import { builtCommand, root } from './command.ts';

const hasScript = spawnSync('script', ['--version']).status === 0;
const NOTHING = {
  executions: 0,
  failed: 0,
  features: 0,
  decisions: 0,
  firedEvents: 0,
  nextIndex: 0,
  loadSeconds: 0,
};

let dir = '';
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-progress-'));
  await writeFile(at('loading.mjs'), 'setInterval(() => {}, 1_000); await new Promise(() => {});');
  await writeFile(
    at('preparing.mjs'),
    `const prepare = () => { setInterval(() => {}, 1_000); return new Promise(() => {}); };
    export const s = { name: 'preparing', description: 'of a test', prepare, run: () => {} };`,
  );
});
afterAll(() => rm(dir, { recursive: true }));

test.for([
  [2, {}, 's 2 s · 0 executions · 0/s · 0 features · 0 failed'],
  [3, {}, 's 3 s, Ctrl-C ends it · nothing has run yet: it loads, prepares or hangs'],
  [0, { loadSeconds: 3 }, 's 3 s, Ctrl-C ends it · nothing has run yet: it loads, prepares or hangs'],
  [9, { decisions: 1, loadSeconds: 3 }, 's 9 s · 0 executions · 0/s · 0 features · 0 failed'],
] as const)('after %i s with %o', ([seconds, done, text]) => {
  expect(progressText('s', { ...NOTHING, ...done, seconds })).toBe(text);
});

describe.skipIf(!hasScript)(
  'on a terminal (skipped where there is no script(1), because nothing else makes one)',
  () => {
    test.for([
      ['loads', 'loading (Ctrl-C or Ctrl-\\ ends it): ', 'loading.mjs'],
      ['prepares', 'nothing has run yet', 'preparing.mjs'],
    ] as const)('a scenario that %s for ever is named as what it waits for', async ([, text, file]) => {
      const line = `exec node ${builtCommand.join(' ')} explore ${at(file)} --corpus ${at('none')} --workers 1`;
      const terminal = spawn('script', ['-qfc', line, '/dev/null'], {
        cwd: root,
        env: { ...process.env, TERM: 'xterm' },
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      onTestFinished(() => void terminal.kill('SIGKILL'));
      let shown = '';
      let isInterrupted = false;
      for await (const chunk of terminal.stdout) {
        shown += String(chunk);
        // Ended from inside: with only the terminal gone, it could still be writing while its folder is removed.
        if (!isInterrupted && shown.includes(text)) {
          isInterrupted = true;
          terminal.stdin.write('\u0003');
        }
      }
      expect(shown).toContain(text);
    });
  },
);
