// `dryrunner exec` in the place of timeout(1), env(1) and the shell: where it runs, what it reads, how it ends.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root, run, start, startIn, startWith, startWithInput } from './command.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'exec-test-')));
  await mkdir(at('project'));
  await mkdir(at('target/inner'), { recursive: true });
  await symlink(at('target/inner'), at('link'));
  await writeFile(at('project/Makefile'), 'test:\n\t@echo tested in $(notdir $(CURDIR)); exit 3\n');
  await writeFile(at('project/build.sh'), '#!/bin/sh\necho "built $1 in ${PWD##*/}"\n', { mode: 0o755 });
  await writeFile(at('input'), 'from a file\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sh = (script: string): string[] => ['--', 'sh', '-c', script];

describe('exit codes', () => {
  test.for<[string, string[], number]>([
    ['the command exits with 0', sh('exit 0'), 0],
    ['the command exits with 1', sh('exit 1'), 1],
    ['the command exits with 250', sh('exit 250'), 250],
    ['it is stopped by --timeout', ['--timeout', '0.2', '--', 'sleep', '100'], 124],
    [
      'it is stopped by --timeout, with SIGKILL',
      ['--signal', 'KILL', '--timeout', '0.2', '--', 'sleep', '100'],
      124,
    ],
    ['an option is wrong', ['--no-such-option', '--', 'true'], 125],
    ['a value is wrong', ['--signal', 'LOUD', '--', 'true'], 125],
    ['there is no command', [], 125],
    ['the directory is missing', ['--cwd', '/no/such/directory', '--', 'true'], 125],
    ['the directory is a file', ['--cwd', '/etc/passwd', '--', 'true'], 125],
    ['the directory is an empty text', ['--cwd', '', '--', 'true'], 125],
    ['two directories are named', ['--cwd', '/', '--fresh-dir', '--', 'true'], 125],
    ['the input is missing', ['--stdin', '/no/such/file', '--', 'true'], 125],
    ['the input is a directory', ['--stdin', '/', '--', 'true'], 125],
    ['the trace cannot be written', ['--trace', '/no/such/folder/t', '--', 'true'], 125],
    ['the program cannot be executed', ['--', '/etc/passwd'], 126],
    ['the program has no name', ['--', ''], 127],
    ['the program is a directory', ['--', '/'], 126],
    ['there is no such program', ['--', '/no/such/program'], 127],
    ['there is no such name', ['--', 'no-such-program-anywhere'], 127],
    ['a signal kills it', sh('kill -KILL $$'), 137],
    ['another signal ends it', sh('kill -HUP $$'), 129],
    [
      'it passes --memory',
      [
        '--memory',
        '60',
        '--',
        process.execPath,
        '-e',
        'const a = []; setInterval(() => a.push(Buffer.alloc(3e7, 1)), 10)',
      ],
      137,
    ],
    ['help is asked for', ['--help'], 0],
    ['a command without options stands without --', ['printf', 'x', '-'], 0],
    ['its options stand behind --', ['--', 'printf', '--', '-x'], 0],
  ])('%s', async ([, args, expected]) => {
    const { code, err } = await run('exec', ...args);
    expect(code, err).toBe(expected);
  });

  test.runIf(existsSync('/dev/full')).for([
    [0, 125],
    [3, 3],
  ])(
    'exit code %i becomes %i if the disk of the trace is full, tried only with /dev/full because that fails each write',
    async ([exit, expected]) => {
      const { code, err } = await run('exec', '--trace', '/dev/full', ...sh(`exit ${exit}`));
      expect(code, err).toBe(expected);
      expect(err).toMatch(new RegExp(`COMPLETE ${exit}\\nerror: /dev/full cannot be written: ENOSPC`));
    },
  );

  test.runIf(process.platform === 'linux')(
    'a real-time signal ends it: 0, because Node does not distinguish that from an exit with 0',
    async () => {
      expect((await run('exec', ...sh('kill -34 $$'))).code).toBe(0);
    },
  );
});

test('an error of exec itself, wherever it comes up, is no exit code of the command', async () => {
  const hook = at('stray.mjs');
  await writeFile(
    hook,
    "import { isMainThread } from 'node:worker_threads'; const watch = setInterval(() => { if (process.listenerCount('SIGQUIT') === 0) return; clearInterval(watch); throw new Error('stray'); }, 20); if (!isMainThread) clearInterval(watch);",
  );
  const { code, err } = await startWith({ NODE_OPTIONS: `--import=${hook}` }, 'exec', ...sh('sleep 100'))
    .finished;
  expect(err).toMatch(/^Error: stray$/m);
  expect(code).toBe(125);
});

test('a program is not found also if PATH names a file', async () => {
  const path = `/etc/passwd:${process.env['PATH'] ?? ''}`;
  const { code, err } = await startWith({ PATH: path }, 'exec', '--', 'no-such-program-anywhere').finished;
  expect(err).toMatch(/ENOENT \(there is no such program; .*\); exec exits with 127$/m);
  expect(code).toBe(127);
});

test.for([
  [[], /missing required argument 'command'/],
  [['--timeout', 'soon', '--', 'true'], /duration such as 500ms/],
  [['--cwd', '/no/such', '--', 'true'], /--cwd: \/no\/such cannot be entered: ENOENT/],
  [['make', '-j2'], /-j2 may be an option of make or of dryrunner: .* as in `dryrunner exec -- make -j2`/],
  [
    ['--cwd', '/', 'make', 'all', '--json'],
    /put -- before the command, as in `dryrunner exec -- make all --json`/,
  ],
  [['--stdin', '/no/such', '--', 'true'], /--stdin: \/no\/such cannot be read: ENOENT/],
  [
    ['--stdin', '', '--', 'true'],
    /--stdin <what>' argument '' is invalid. Expected any text but an empty one/,
  ],
  [['--cwd', '', '--', 'true'], /--cwd <dir>' argument '' is invalid. Expected any text but an empty one/],
] as const)('wrong usage says what was expected: %o', async ([args, text]) => {
  const { code, out, err } = await run('exec', ...args);
  expect(err).toMatch(text);
  expect([code, out]).toEqual([125, '']);
});

test.for([
  [
    'no-such-program-anywhere',
    /ENOENT \(there is no such program; a name without a slash is looked up in PATH\); exec exits with 127$/m,
  ],
  ['/etc/passwd', /EACCES \(it is not a file that may be executed\); exec exits with 126$/m],
] as const)(
  'a program that cannot be started is named once, with what to look at and the exit code: %s',
  async ([program, text]) => {
    const { code, err } = await run('exec', '--', program);
    expect(err).toMatch(text);
    expect(err.split('could not exec')).toHaveLength(2);
    expect(err).toContain(`exec exits with ${String(code)}\n`);
  },
);

test.for([
  [
    '#!/no/such/interpreter -x\n',
    '(the file is there; the interpreter of its first line, "/no/such/interpreter", is not)',
  ],
  ['#!/bin/sh\r\n', '(the file is there; the interpreter of its first line, "/bin/sh\\r", is not)'],
] as const)('a script whose interpreter is missing is no missing program: %j', async ([text, hint]) => {
  const scripts = await mkdtemp(at('script-'));
  await writeFile(join(scripts, 'script'), text, { mode: 0o755 });
  const { code, err } = await run('exec', '--cwd', scripts, '--', './script');
  expect(err).toContain(` ${hint}; exec exits with 127\n`);
  expect(code).toBe(127);
});

test('a line of this command begins a new line after output that has not ended its own', async () => {
  const { err } = await run('exec', '--', 'sh', '-c', 'printf oh >&2');
  expect(err).toMatch(/^oh\n *[\d.]+ \S+ {2}COMPLETE 0\n$/m);
});

describe('surroundings', () => {
  test('S1 a recorded make runs in its project, exits with its code, and is replayed', async () => {
    const trace = at('make.jsonl');
    const made = await startIn(at('project'), 'exec', '--trace', trace, '--', 'make', '-s', 'test').finished;
    expect(made.out).toBe('tested in project\n');
    // make reports the failure of a recipe with a code of its own.
    expect(made.code).toBe(2);
    const played = await run('replay', trace);
    expect(played.out).toMatch(
      /^1 recorded run reproduced: .*\n {2}run \S+ {2}make -s test {2}COMPLETE 2 after /,
    );
    expect(played.code).toBe(0);
  });

  test('a recording names the time at which it began', async () => {
    const trace = at('clock.jsonl');
    const { out } = await run(
      ...['exec', '--trace', trace, '--', process.execPath, '-p', 'new Date().toISOString()'],
    );
    const [header = ''] = (await readFile(trace, 'utf8')).split('\n');
    const { startedAt = '' } = JSON.parse(header) as { startedAt?: string };
    expect(startedAt).toMatch(/^\d{4}-/);
    expect(startedAt < out.trim()).toBe(true);
  });

  test('S1 a program that is named by a relative path is that of the current directory, and runs there', async () => {
    const { code, out, err } = await startIn(at('project'), 'exec', '--', './build.sh', 'all').finished;
    expect([code, out], err).toEqual([0, 'built all in project\n']);
  });

  test('the replay of a recording shows the error of each run, as exec did', async () => {
    const trace = at('killed.jsonl');
    const killed = await run('exec', '--trace', trace, '--', 'sh', '-c', 'kill -SEGV $$');
    expect(killed.err).toMatch(/COMPLETE -1 {2}Killed by SIGSEGV$/m);
    expect((await run('replay', trace)).out).toMatch(
      /\n {2}run \S+ {2}sh .* {2}COMPLETE -1 after [\d.]+ \S+: Killed by SIGSEGV\n$/,
    );
  });

  test('runs in the directory above the one to which a link leads, as after cd -P', async () => {
    const { out, err } = await run('exec', '--cwd', `${at('link')}/..`, ...sh('pwd; ls'));
    expect(out, err).toBe(`${at('target')}\ninner\n`);
  });

  test.for<[string, string[], () => string | RegExp]>([
    ['in the current directory', ['--', 'pwd'], () => `${root.replace(/\/$/, '')}\n`],
    ['in the directory of --cwd', ['--cwd', tmpdir(), '--', 'pwd', '-P'], () => /^\S+\n$/],
    [
      'in a new empty directory with --fresh-dir',
      ['--fresh-dir', ...sh('ls -A | wc -l; pwd')],
      () => /^\s*0\n\S*dryrunner-exec-\S+\n$/,
    ],
    ['with nothing to read from --stdin null', ['--stdin', 'null', '--', 'cat'], () => ''],
  ])('runs %s', async ([, args, expected]) => {
    const { out, err } = await run('exec', ...args);
    expect(out, err).toMatch(
      expected() instanceof RegExp ? expected() : new RegExp(`^${String(expected())}$`),
    );
  });

  test('passes on its own input, or a file with --stdin', async () => {
    const { code, out } = await startWithInput('one\ntwo\n', 'exec', '--', 'wc', '-l').finished;
    expect([code, out.trim()]).toEqual([0, '2']);
    const file = await run('exec', '--stdin', at('input'), '--', 'cat');
    expect([file.code, file.out]).toEqual([0, 'from a file\n']);
  });

  test('--signal is the first signal sent on stopping', async () => {
    const script = 'trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.02; done';
    const { code, out } = await run('exec', '--signal', 'int', '--timeout', '500ms', ...sh(script));
    expect([code, out]).toEqual([124, 'ready\ninterrupted\n']);
  });

  test('--kill-after is how long the command may go on after that signal, until it is killed', async () => {
    const script = 'trap "sleep 5; echo ended by itself; exit 5" TERM; while :; do sleep 0.02; done';
    const { code, out } = await run('exec', '--timeout', '500ms', '--kill-after', '1ms', ...sh(script));
    // In the default of ten seconds it would end by itself.
    expect([code, out]).toEqual([124, '']);
  });

  test('leaves nothing running when it is killed itself', async () => {
    // The number of seconds is what the command is known by.
    const seconds = String(900_000 + process.pid);
    const isRunning = (): boolean =>
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        .split('\n')
        .some((line) => line.endsWith(`sleep ${seconds}`) && !line.includes('exec --'));
    const { child, prints, finished } = start('exec', '--', 'sleep', seconds);
    await prints('RUNNING');
    expect(isRunning()).toBe(true);
    child.kill('SIGKILL');
    await finished;
    while (isRunning()) await pause(50);
  });
});
