// What the command line prints into a file is there whole, or it says that it is not: Node takes a short write for a whole one.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from '../host/remote/small-disk.ts';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { builtCommand, runOnFullDisk } from './command.ts';

const KIB = 1024;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

describe.runIf(existsSync('/dev/full'))('a failure that cannot be printed, because of a full disk', () => {
  const dir = mkdtempSync(join(tmpdir(), 'dryrunner-full-'));
  const file = join(dir, 's.mjs');
  writeFileSync(
    file,
    "export default { name: 'bad', description: 'of a test', run: (sim) => sim.check(false, 'boom') };",
  );
  afterAll(() => rmSync(dir, { recursive: true }));

  test.for([
    ['run'],
    ['run', '--json'],
    ['explore', '--executions', '2', '--workers', '1', '--corpus', join(dir, 'corpus')],
    ['explain'],
  ])('%j exits with 1', ([command = '', ...options]) => {
    const { status, stderr } = runOnFullDisk(dir, command, file, ...options);
    expect([status, stderr]).toEqual([1, expect.stringContaining('stdout cannot be written: ')]);
  });

  test('what holds exits with 2', () => {
    expect(runOnFullDisk(dir, 'run', 'lost-reply').status).toBe(2);
  });

  const token = (failureKey: string): string =>
    encodeToken({ scenario: './s.mjs#bad', failureKey, traceHash: '0'.repeat(16), decisions: [] });
  test.for([
    ['of a token', 1, () => [token('check boom')]],
    ['of a token, as JSON', 1, () => [token('check boom'), '--json']],
    ['of a token, in a debugger', 1, () => [token('check boom'), '--debug']],
    ['of a trace', 1, () => ['trace.jsonl']],
    ['of a trace, as JSON', 1, () => ['trace.jsonl', '--json']],
    ['of a token that has diverged', 3, () => [token('check other')]],
    ['of a token that has diverged, in a debugger', 3, () => [token('check other'), '--debug']],
  ] as const)('replay %s exits with %i', ([, expected, args]) => {
    if (args()[0] === 'trace.jsonl') {
      spawnSync(process.execPath, [...builtCommand, 'run', './s.mjs', '--trace', 'trace.jsonl'], {
        cwd: dir,
      });
    }
    const { status, stderr } = runOnFullDisk(dir, 'replay', ...args());
    expect([status, stderr]).toEqual([expected, expect.stringContaining('stdout cannot be written: ')]);
  });

  test.for([
    ['failure', 'sim.check(false, "boom")', 1],
    ['cut-off', 'for (;;) await sim.sleep(1)', 1],
    ['nondeterministic', 'sim.choose(`question ${executions}`, 2)', 1],
    ['progress', 'await sim.sleep(1)', 2],
  ] as const)('explore that cannot print a line of %s as it happens', ([type, body, expected]) => {
    writeFileSync(
      join(dir, `${type}.mjs`),
      `let executions = 0;
      export default { name: '${type}', description: 'of a test', options: { maxEvents: 1e12 },
        run: async (sim) => { executions += 1; ${body}; } };`,
    );
    const disk = join(dir, 'disk.mjs');
    writeFileSync(
      disk,
      `import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { writeSync } = fs;
      fs.writeSync = (fd, bytes, ...rest) => {
        if (fd !== 1 || !String(bytes).includes('"type":"${type}"')) return writeSync(fd, bytes, ...rest);
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      };
      syncBuiltinESMExports();`,
    );
    const out = openSync(join(dir, 'out'), 'w');
    ends.push(() => closeSync(out));
    const bounds = { 'cut-off': ['--time', '300ms'], progress: ['--time', '10m'] };
    const bound = type in bounds ? bounds[type as keyof typeof bounds] : ['--executions', '200'];
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', disk, ...builtCommand, 'explore', `./${type}.mjs`, '--json', '--workers', '1', ...bound],
      { cwd: dir, stdio: ['ignore', out, 'pipe'], encoding: 'utf8' },
    );
    expect([status, stderr]).toEqual([expected, 'error: stdout cannot be written: ENOSPC\n']);
  });
});

test.runIf(smallDiskMissingBecause === undefined).for([
  ['more than the disk has room for is an error', KIB * KIB, 125, /stdout cannot be written: ENOSPC/],
  ['what fits is all there', 512 * KIB, 0, /COMPLETE 0/],
] as const)(titledForSmallDisk('exec into a file: %s'), ([, bytes, code, said]) => {
  const disk = new SmallDisk(KIB);
  ends.push(() => disk.remove());
  // With it the last chunk of a file as large as the disk is cut short, and no later write fails in its place.
  writeFileSync(join(disk.dir, 'before'), Buffer.alloc(4 * KIB));
  const path = join(disk.dir, 'out');
  const out = openSync(path, 'w');
  const args = [...builtCommand, 'exec', '--', 'head', '-c', String(bytes), '/dev/zero'];
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ['ignore', out, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(out);
  expect(stderr).toMatch(said);
  expect(status).toBe(code);
  if (code === 0) expect(statSync(path).size).toBe(bytes);
});
