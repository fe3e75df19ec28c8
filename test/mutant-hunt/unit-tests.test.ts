import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UnitTests } from '../../scripts/mutant-hunt/unit-tests.ts';

const order = { testsOf: () => ['test/a.test.ts'], digest: () => 'same' };
let folder = '';

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'unit-tests-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** With a program that notes each of its starts in a file, and does this with a task. */
function unitTests(onTask: string, onStart = ''): UnitTests {
  const program = join(folder, 'program.mjs');
  const source = `
    import { appendFileSync, readFileSync } from 'node:fs';
    const starts = ${JSON.stringify(join(folder, 'starts'))};
    appendFileSync(starts, '+');
    const started = readFileSync(starts, 'utf8').length;
    ${onStart}
    process.on('disconnect', () => process.exit());
    process.on('message', () => { appendFileSync(starts + '.asked', '+'); ${onTask} });
    process.send('ready');
  `;
  writeFileSync(program, source);
  return new UnitTests(order, join(folder, 'cache'), program);
}

const starts = (): number => readFileSync(join(folder, 'starts'), 'utf8').length;

test('what was closed before it answered is neither judged nor kept', async () => {
  const tests = unitTests('');
  const judged = tests.judge('src/a.ts', 'text');
  await vi.waitFor(() => expect(existsSync(join(folder, 'starts.asked'))).toBe(true), { timeout: 30_000 });
  tests.close();
  expect(await judged).toBeUndefined();
  expect(existsSync(join(folder, 'cache'))).toBe(false);
});

test('what was closed while it started is not judged', async () => {
  const tests = unitTests('', 'await new Promise((resolve) => setTimeout(resolve, 60_000));');
  const judged = tests.judge('src/a.ts', 'text');
  await vi.waitFor(() => expect(existsSync(join(folder, 'starts'))).toBe(true), { timeout: 30_000 });
  tests.close();
  expect(await judged).toBeUndefined();
});

test('a process that is ended from outside is asked once more', async () => {
  const tests = unitTests(
    "if (started === 1) process.kill(process.pid, 'SIGKILL'); else process.send({ killed: false });",
  );
  expect(await tests.judge('src/a.ts', 'text')).toEqual({ killed: false });
  expect(starts()).toBe(2);
  tests.close();
});

test('a process that was ended while it had nothing to do is started again', async () => {
  const tests = unitTests(
    "process.send({ killed: false }, () => { if (started === 1) process.kill(process.pid, 'SIGKILL'); });",
  );
  expect(await tests.judge('src/a.ts', 'text')).toEqual({ killed: false });
  expect(await tests.judge('src/a.ts', 'other')).toEqual({ killed: false });
  expect(starts()).toBe(2);
  tests.close();
});

test('a process that is ended from outside twice is an error, and nothing is kept', async () => {
  const tests = unitTests("process.kill(process.pid, 'SIGTERM');");
  await expect(tests.judge('src/a.ts', 'text')).rejects.toThrow('was ended by SIGTERM');
  expect(starts()).toBe(2);
  expect(existsSync(join(folder, 'cache'))).toBe(false);
});

test('a process that ends by itself has killed the mutant', async () => {
  const tests = unitTests('process.exit(3);');
  expect(await tests.judge('src/a.ts', 'text')).toMatchObject({ killed: true, title: 'died' });
  tests.close();
});

test('a process that ends while it starts is an error', async () => {
  const tests = unitTests('', 'process.exit(3);');
  await expect(tests.judge('src/a.ts', 'text')).rejects.toThrow('ended while it started: 3');
});
