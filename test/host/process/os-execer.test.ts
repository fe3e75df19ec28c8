import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isRunnerError } from '../../../src/kernel/errors.ts';
import { createOsExecer } from '../../../src/host/process/os-execer.ts';
import { createSystemClock } from '../../../src/host/system-clock.ts';
import { NO_TAGS, start, testExecer } from '../command-run.ts';
import { comesTrue, livingWithMark, newMark, openFiles } from '../hostile/leftovers.ts';

const execer = testExecer();

describe('how a process ends', () => {
  test.for([0, 64, 128, 192])(
    'R118 R119 R124 every exit code from %i up is COMPLETE with that code and no error',
    async (first) => {
      const codes = Array.from({ length: 64 }, (_, index) => first + index);
      const runs = await Promise.all(codes.map((code) => start(execer, `exit ${code}`)));
      const seen = await Promise.all(runs.map(async ({ process }) => process.wait()));
      expect(seen).toEqual(codes.map((exitCode) => ({ state: 'COMPLETE', exitCode, error: '' })));
    },
  );

  test.for(['TERM', 'KILL', 'INT', 'HUP', 'PIPE', 'SEGV', 'ABRT', 'USR1', 'ALRM'])(
    'R124 D64 a death by SIG%s is COMPLETE -1 with the name of the signal',
    async (name) => {
      const { process } = await start(execer, `kill -${name} $$`);
      const signal = `SIG${name}`;
      expect(await process.wait()).toEqual({
        state: 'COMPLETE',
        exitCode: -1,
        error: `Killed by ${signal}`,
        signal,
      });
    },
  );

  test('R124 D64 a shell that reports a signal of its child by a code is an exit, not a death by signal', async () => {
    const { process } = await start(execer, "sh -c 'kill -KILL $$'; exit $?");
    expect(await process.wait()).toEqual({ state: 'COMPLETE', exitCode: 137, error: '' });
  });

  test('R120 every wait gives the same status, at once after the end', async () => {
    const { process } = await start(execer, 'exit 7');
    const [first, second] = await Promise.all([process.wait(), process.wait()]);
    expect(first).toEqual({ state: 'COMPLETE', exitCode: 7, error: '' });
    expect(second).toBe(first);
    expect(process.wait()).toBe(first);
  });
});

describe('what a command receives', () => {
  test.for([8080, true, null])('an environment with the value %j is refused', (PORT) => {
    expect(() => testExecer({ env: { PORT } as never })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringMatching(/env\.PORT: expected a string or undefined, got /) as unknown,
      }),
    );
  });

  test('R122 the environment is the parent’s, overridden by the command’s', async () => {
    const own = testExecer({ env: { PATH: process.env['PATH'], FROM_PARENT: 'parent', BOTH: 'parent' } });
    const { process: run, stdout } = await start(own, 'echo $FROM_PARENT $BOTH $FROM_COMMAND $HOME.', {
      envVars: { BOTH: 'command', FROM_COMMAND: 'command' },
    });
    await run.wait();
    expect(stdout()).toBe('parent command command .\n');
  });

  test('R122 the parent’s environment is this process’s by default', async () => {
    process.env['OS_EXECER_TEST'] = 'inherited';
    const run = await start(execer, 'echo $OS_EXECER_TEST');
    delete process.env['OS_EXECER_TEST'];
    await run.process.wait();
    expect(run.stdout()).toBe('inherited\n');
  });

  test('R122 the directory is the given one', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'os-execer-'));
    const { process: run, stdout } = await start(execer, 'pwd -P', { dir });
    await run.wait();
    rmSync(dir, { recursive: true });
    expect(stdout().trim()).toContain(dir.slice(dir.lastIndexOf('/')));
  });

  test('R122 the program is looked up in the PATH of the command', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'os-execer-'));
    writeFileSync(join(dir, 'only-here'), '#!/bin/sh\nexit 8\n', { mode: 0o755 });
    const found = await start(execer, '', { argv: ['only-here'], envVars: { PATH: dir } });
    expect(await found.process.wait()).toMatchObject({ exitCode: 8 });
    await expect(start(execer, '', { argv: ['sh'], envVars: { PATH: dir } })).rejects.toMatchObject({
      code: 'RUNNER_EXEC_FAILED',
    });
    rmSync(dir, { recursive: true });
  });

  test('R122 the process leads a group and a session of its own', async () => {
    const run = await start(
      execer,
      'read -r pid name state parent group session rest < /proc/$$/stat; echo $pid $group $session',
    );
    await run.process.wait();
    const [pid, group, session] = run.stdout().trim().split(' ');
    expect([group, session]).toEqual([pid, pid]);
  });

  test('R122 standard input is /dev/null', async () => {
    const { process: run, stdout } = await start(execer, 'cat; readlink /proc/self/fd/0');
    await run.wait();
    expect(stdout()).toBe('/dev/null\n');
  });

  test('R122 two commands carry different cookies, and an inner one keeps those of the outer ones', async () => {
    const outer = testExecer({ env: { ...process.env, DRYRUNNER_COOKIE: 'outermost' } });
    const runs = [
      await start(execer, 'echo $DRYRUNNER_COOKIE'),
      await start(outer, 'echo $DRYRUNNER_COOKIE'),
    ];
    for (const { process: run } of runs) await run.wait();
    const [first, second] = runs.map(({ stdout }) => stdout().trim());
    expect(first).toMatch(/(^|:)[0-9a-f]{24}$/);
    expect(second).toMatch(/^outermost:[0-9a-f]{24}$/);
    expect(first!.slice(-24)).not.toBe(second!.slice(-24));
  });

  test('R122 a command cannot remove its cookie by setting the variable', async () => {
    const mark = newMark();
    const { process: run } = await start(execer, `(setsid sleep 50.${mark} &); sleep 0.02`, {
      envVars: { DRYRUNNER_COOKIE: 'mine' },
    });
    expect(await run.wait()).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
    expect(livingWithMark(mark)).toEqual([]);
  });
});

describe('output', () => {
  test('R123 both streams are copied to the end before wait returns', async () => {
    const {
      process: run,
      stdout,
      stderr,
    } = await start(
      execer,
      'head -c 1000000 /dev/zero | tr "\\0" o; head -c 1000000 /dev/zero | tr "\\0" e >&2',
    );
    expect(await run.wait()).toEqual({ state: 'COMPLETE', exitCode: 0, error: '' });
    expect(stdout()).toBe('o'.repeat(1_000_000));
    expect(stderr()).toBe('e'.repeat(1_000_000));
  });

  test('R123 D63 without sinks the output is discarded', async () => {
    const run = await execer.exec({ argv: ['sh', '-c', 'echo out; echo err >&2'], dir: '', ...NO_TAGS });
    expect(await run.wait()).toEqual({ state: 'COMPLETE', exitCode: 0, error: '' });
  });

  test('R123 D62 one missing sink does not affect the other stream', async () => {
    const chunks: unknown[] = [];
    const run = await execer.exec({
      argv: ['sh', '-c', 'echo out; echo err >&2'],
      dir: '',
      ...NO_TAGS,
      stderr: { write: (chunk) => void chunks.push(String(chunk)) },
    });
    expect(await run.wait()).toEqual({ state: 'COMPLETE', exitCode: 0, error: '' });
    expect(chunks).toEqual(['err\n']);
  });

  test('R123 D52 a sink that fails after the first byte blocks nothing, and its faults are recorded', async () => {
    let calls = 0;
    const stdout = {
      write(): void {
        calls++;
        throw new Error('disk full');
      },
    };
    const { process: run } = await start(execer, 'head -c 1000000 /dev/zero; exit 5', { stdout });
    const status = await run.wait();
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 5, error: '' });
    expect(calls).toBeGreaterThan(1);
    expect(status.faults?.[0]).toBe('stdout sink: disk full');
  });

  test('R123 R127 an escaped process that holds the pipe costs only the drain grace, and the cut is recorded', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'os-execer-'));
    const escapee = `env -i setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 20'`;
    const script = `echo early; (${escapee} &); while [ ! -e pid ]; do sleep 0.01; done; exit 2`;
    const { process: run, stdout } = await start(testExecer({ cgroups: false }), script, { dir });
    const status = await run.wait();
    // Without a control group this is the one who gets away, and the documents say so.
    process.kill(Number(readFileSync(join(dir, 'pid'), 'utf8')), 'SIGKILL');
    rmSync(dir, { recursive: true });
    expect(stdout()).toBe('early\n');
    // Beside other tests, a process of theirs that shows nothing of where it is from may be named as well.
    const faults = status.faults?.filter((fault) => !fault.includes(' may have escaped, '));
    expect({ ...status, faults }).toEqual({
      state: 'COMPLETE',
      exitCode: 2,
      error: '',
      faults: [
        'stdout cut: the stream was still open 100 ms after the command and its known children had ended',
        'stderr cut: the stream was still open 100 ms after the command and its known children had ended',
      ],
    });
  });
});

describe('what cannot be started', () => {
  test('R121 check refuses an empty argv and nothing else', () => {
    const refuse = (): void => execer.check?.({ argv: [] });
    expect(refuse).toThrow(expect.objectContaining({ message: 'No command specified.' }));
    expect(refuse).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', actual: [] }));
    expect(() => execer.check?.({ argv: ['no-such-program'] })).not.toThrow();
  });

  test.for([
    ['an empty argv', { argv: [] }, 'No command specified.'],
    ['a missing program', { argv: ['no-such-program'] }, 'spawn no-such-program ENOENT'],
    ['an empty program', { argv: [''] }, 'expected the name of a program first, got ""'],
    ['a file that may not be executed', { argv: ['/etc/passwd'] }, 'spawn /etc/passwd EACCES'],
    [
      'a missing directory',
      { dir: '/no/such/directory' },
      'spawn sh ENOENT (the working directory /no/such/directory cannot be entered: ENOENT)',
    ],
    [
      'a directory that is none',
      { dir: '/etc/passwd' },
      'spawn ENOTDIR (the working directory /etc/passwd is not a directory)',
    ],
    ['an argument that is too long', { argv: ['true', 'x'.repeat(200_000)] }, 'spawn E2BIG'],
    ['an environment that is too long', { envVars: { HUGE: 'x'.repeat(200_000) } }, 'spawn E2BIG'],
    ['a NUL byte in an argument', { argv: ['echo', 'a\0b'] }, /null bytes/],
    ['a NUL byte in the environment', { envVars: { A: 'a\0b' } }, /null bytes/],
    ['a NUL byte in the directory', { dir: '/tmp/a\0b' }, /null bytes/],
  ] as const)('R98 R118 %s is an exec error, and nothing runs or stays open', async ([, more, message]) => {
    const mark = newMark();
    const before = openFiles();
    const failed = await start(execer, `echo ${mark}`, more).catch((error: unknown) => error);
    expect(isRunnerError(failed, 'RUNNER_EXEC_FAILED')).toBe(true);
    const text = (failed as Error).message;
    if (typeof message === 'string') expect(text).toBe(message);
    else expect(text).toMatch(message);
    expect(livingWithMark(mark)).toEqual([]);
    expect(await comesTrue(() => openFiles() <= before)).toBe(true);
  });

  test.for([
    [{ graceMs: -1 }, 'graceMs: expected a finite number ≥ 0, got -1'],
    [{ drainGraceMs: NaN }, 'drainGraceMs: expected a finite number ≥ 0, got NaN'],
    [{ reapMs: Infinity }, 'reapMs: expected a finite number ≥ 0, got Infinity'],
    [{ sinkGraceMs: -0.1 }, 'sinkGraceMs: expected a finite number ≥ 0, got -0.1'],
    [{ memoryCapBytes: -1 }, 'memoryCapBytes: expected a finite number ≥ 0, got -1'],
    [{ memoryPeriodMs: 0 }, 'memoryPeriodMs: expected a finite number > 0, got 0'],
  ] as const)('%o is refused', ([options, message]) => {
    expect(() => testExecer(options)).toThrow(message);
  });

  test('the stated bound of an abort is the sum of its graces', () => {
    expect(createOsExecer({ clock: createSystemClock() }).cancelBoundMs).toBe(16_000);
    expect(testExecer({ reapMs: 7 }).cancelBoundMs).toBe(507);
  });
});
