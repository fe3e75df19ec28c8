import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { livingWithMark, newMark } from '../hostile/leftovers.ts';

/** What a program prints as JSON that may have 64 files open. */
async function printedWithFewFiles(program: string): Promise<unknown> {
  const args = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath];
  const options = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const parent = spawn('sh', [...args, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  parent.stdout.on('data', (chunk) => (printed += String(chunk)));
  await once(parent, 'close');
  return JSON.parse(printed);
}

test('R125 R128 with no file descriptor left an abort still signals and kills, and exec is an exec error', async () => {
  const mark = newMark();
  const program = `
    import { openSync } from 'node:fs';
    import { createOsExecer } from './src/host/process/os-execer.ts';
    import { createSystemClock } from './src/host/system-clock.ts';
    const execer = createOsExecer({ clock: createSystemClock(), graceMs: 100, reapMs: 300, drainGraceMs: 100 });
    const command = { dir: '', jobId: '', taskId: '', tag: '' };
    let text = '';
    let look = () => undefined;
    const stdout = { write: (chunk) => { text += String(chunk); look(); } };
    const script = 'trap "echo asked" TERM; sleep 50.${mark} & echo up; while :; do wait; done';
    const started = await execer.exec({ ...command, argv: ['sh', '-c', script], stdout });
    await new Promise((resolve) => { look = () => text.includes('up') && resolve(); look(); });
    try { for (;;) openSync('/dev/null'); } catch {}
    const failed = await Promise.resolve().then(() => execer.exec({ ...command, argv: ['true'] })).catch((error) => error);
    const { state, error } = await started.abort();
    console.log(JSON.stringify([text, state, error, failed.code]));`;
  expect(await printedWithFewFiles(program)).toEqual([
    'up\nasked\n',
    'FAILED',
    'Aborted (SIGKILL)',
    'RUNNER_EXEC_FAILED',
  ]);
  expect(livingWithMark(mark)).toEqual([]);
});

test('R98 commands that too few file descriptors keep from starting take none for good', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { createOsExecer } from './src/host/process/os-execer.ts';
    import { createSystemClock } from './src/host/system-clock.ts';
    const execer = createOsExecer({ clock: createSystemClock() });
    const command = { argv: ['true'], dir: '', jobId: '', taskId: '', tag: '' };
    const held = [];
    const fill = () => { const before = held.length; try { for (;;) held.push(openSync('/dev/null')); } catch {} return held.length - before; };
    const outcome = async () => {
      try { return (await (await execer.exec(command)).wait()).state; } catch (error) { return error.cause?.code; }
    };
    const found = [];
    await outcome();
    fill();
    for (let free = 1; free <= 9; free += 1) {
      for (const file of held.splice(-free)) closeSync(file);
      found.push([await outcome(), free - fill()]);
    }
    for (const file of held) closeSync(file);
    console.log(JSON.stringify([found, await outcome()]));`;
  expect(await printedWithFewFiles(program)).toEqual([Array(9).fill(['EMFILE', 0]), 'COMPLETE']);
});

test('R98 a watchdog that too few file descriptors keep from starting takes none for good', async () => {
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { expectGroup } from './src/host/process/group-watchdog.ts';
    const held = [];
    const fill = () => { const before = held.length; try { for (;;) held.push(openSync('/dev/null')); } catch {} return held.length - before; };
    expectGroup().end();
    await new Promise((next) => setTimeout(next, 50));
    fill();
    const lost = [];
    for (let free = 1; free <= 9; free += 1) {
      for (const file of held.splice(-free)) closeSync(file);
      expectGroup().end();
      await new Promise((next) => setImmediate(next));
      lost.push(free - fill());
    }
    console.log(JSON.stringify(lost));`;
  expect(await printedWithFewFiles(program)).toEqual(Array(9).fill(0));
});
