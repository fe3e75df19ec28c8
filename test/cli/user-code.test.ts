// What code of the user's does to the process: no exit code of its own, no silent end, no command that never ends.
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand, jsonLines, root, run, runOnFullDisk } from './command.ts';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';

let dir = '';
const at = (name: string): string => join(dir, name);

const FINE = "export const s = { name: 'fine', description: 'of a test', run: () => {} };";
const SCENARIOS: Readonly<Record<string, string>> = {
  exits: '() => { process.exit(0); }',
  'exits-later': 'async () => { soon(() => process.exit(0)); await new Promise(() => {}); }',
  'exits-unheard': '() => { process.removeAllListeners("exit"); process.exit(0); }',
  'really-exits': '() => { process.reallyExit(0); }',
  hostile: '() => { throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } }); }',
  'sets-code': '(sim) => { process.exitCode = 0; sim.check(false, "bad"); }',
  hooks: '(sim) => { process.on("exit", () => { process.exitCode = 0; }); sim.check(false, "bad"); }',
  patches:
    '(sim) => { Array.prototype.some = () => false; Array.prototype.filter = () => []; sim.check(false, "boom"); }',
  // An error that comes while the command listens fails the simulation instead, and timers end with it, unless they are set by a
  // function that was kept from before.
  throws: `() => {
    const end = () => {
      if (process.listenerCount('uncaughtException') > 1) soon(end);
      else throw new Error('late');
    };
    end();
  }`,
  interval: '() => { setInterval(() => {}, 10); }',
};
const MODULES: Readonly<Record<string, string>> = {
  'top-exits': 'process.exit(0);',
  'top-exits-unheard': 'process.removeAllListeners("exit"); process.exit(0);',
  'top-throws': "setTimeout(() => { throw new Error('in a timer'); }, 5); await new Promise(() => {});",
  'top-rejects': "void Promise.reject(new Error('of nobody')); await new Promise(() => {});",
  'top-interval': `${FINE} setInterval(() => {}, 10);`,
  'reads-input': `${FINE} process.stdin.on('data', () => {});`,
  'reads-late': `${FINE} import { open, read, writeSync } from 'node:fs';
    open(new URL('./queue', import.meta.url), (_, file) => read(file, (_, count, bytes) => {
      writeSync(2, 'read ' + bytes.toString('utf8', 0, count) + '\\n');
      for (const began = Date.now(); Date.now() - began < 300; ); // past the next look of the command
    }));`,
  loud: `console.log('a line of the module');
    export default { name: 'loud', description: 'of a test', prepare: () => process.stdout.write('of prepare\\n'),
      run: () => console.log('a line of the scenario') };`,
  ...Object.fromEntries(
    [
      ['never-prepared', 'new Promise(() => {})'],
      ['exits-preparing', 'process.exit(0)'],
    ].map(([name, prepare]) => [
      name,
      `${FINE} export const a = { name: 'bad', description: 'of a test', run: (sim) => sim.check(false, 'boom') };
       export const t = { name: 'third', description: 'of a test', prepare: () => ${prepare}, run() {} };
       export const z = { name: 'fourth', description: 'of a test', run() {} };`,
    ]),
  ),
  'late-twice': `const real = setTimeout;
    export default { name: 'late-twice', description: 'of a test', run: (sim) => {
      sim.check(sim.choose('side', 4) < 3, 'boom ' + globalThis.count);
    } };
    export const next = { name: 'next', description: 'of a test', prepare: () => new Promise(() => {
      real(() => { throw new Error('late'); }, 20);
    }), run() {} };`,
  'never-loaded': 'await new Promise(() => {});',
  'next-fine': `export default { name: 'next-fine', description: 'of a test', run() {} };`,
  'wrong-interval': 'setInterval(() => {}, 10); export default 7;',
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-foreign-'));
  for (const [name, body] of Object.entries(SCENARIOS)) {
    const text = `const soon = setImmediate;
      export default { name: '${name}', description: 'of a test', run: ${body} };`;
    await writeFile(at(`${name}.mjs`), text);
  }
  for (const [name, text] of Object.entries(MODULES)) await writeFile(at(`${name}.mjs`), text);
});
afterAll(() => rm(dir, { recursive: true }));

test('of the modules that are loaded, the one whose await never ends is named', async () => {
  const { code, out, err } = await run('list', at('next-fine.mjs'), at('never-loaded.mjs'));
  expect(err).toBe(`error: ${at('never-loaded.mjs')} awaits a promise that nobody will settle\n`);
  expect([code, out]).toEqual([2, '']);
});

describe('what ends the process in the midst of a run leaves the rows so far', () => {
  test.for([
    ['never-prepared', /^error: prepare of the scenario third awaits a promise that nobody will settle$/m],
    ['exits-preparing', /^error: prepare of the scenario third called process\.exit\(0\)$/m],
  ] as const)('%s', async ([name, says]) => {
    const { code, out, err } = await run('run', at(`${name}.mjs`), '--seeds', '2');
    expect(out).toMatch(/^bad .*fail/im);
    expect(out).toMatch(/^fine .*held/m);
    expect(out).toContain('  boom\n');
    expect(err).toMatch(says);
    expect(err).toMatch(/^not run: fourth$/m);
    expect(code).toBe(1);
  });

  test.for([
    ['never-prepared', /^error: prepare of the scenario third awaits a promise that nobody will settle\n$/],
    ['exits-preparing', /^error: prepare of the scenario third called process\.exit\(0\)\n$/],
  ] as const)('%s, where nothing has failed, also in a thread', async ([name, says]) => {
    for (const command of ['run', 'explore']) {
      const { code, out, err } = await run(command, `${at(`${name}.mjs`)}#t`);
      expect(err).toMatch(says);
      expect([code, out]).toEqual([2, '']);
    }
  });

  test('also an error that comes late', async () => {
    const { code, out, err } = await run('run', at('late-twice.mjs'), '--seeds', '40');
    expect(out).toContain('  boom undefined\n');
    expect(err).toMatch(/^error: prepare of the scenario next: uncaught exception: late/m);
    expect(code).toBe(1);
  });

  test('programs get what is known of each scenario', async () => {
    const { code, out } = await run('run', at('never-prepared.mjs'), '--json');
    expect(jsonLines(out).map(({ type, scenario }) => [type, scenario])).toEqual([
      ['run', 'bad'],
      ['scenario', 'bad'],
      ['run', 'fine'],
      ['scenario', 'fine'],
    ]);
    expect(code).toBe(1);
  });
});

test.for([
  [['run'], 3],
  [['list'], 1],
  [['explore', '--executions', '2', '--workers', '1'], 1],
] as const)(
  '%j prints objects alone with --json, whatever a module prints',
  async ([[command, ...options], lines]) => {
    const corpus = command === 'explore' ? ['--corpus', at('loud-corpus')] : [];
    const { code, out, err } = await run(command, at('loud.mjs'), '--json', ...options, ...corpus);
    expect(jsonLines(out).length).toBeGreaterThan(0);
    expect(err.match(/^(a line of|of prepare)/gm)?.length).toBeGreaterThanOrEqual(lines);
    expect(code).toBe(0);
  },
);

describe("the exit code is the command's", () => {
  test.for([
    ['run', 'exits', [], 1, /^error: the scenario exits called process\.exit\(0\)$/m],
    ['run', 'exits-later', [], 1, /^error: the scenario exits-later called process\.exit\(0\)$/m],
    ['run', 'exits-unheard', [], 1, /^error: the scenario exits-unheard called process\.exit\(0\)$/m],
    ['run', 'really-exits', [], 1, /^error: the scenario really-exits called process\.exit\(0\)$/m],
    ['explain', 'exits', ['--debug'], 1, /^error: the scenario exits called process\.exit\(0\)$/m],
    ['run', 'sets-code', [], 1, /^$/],
    ['run', 'hooks', [], 1, /^$/],
    ['run', 'patches', ['--seeds', '2'], 1, /^$/],
    ['list', 'top-exits', [], 2, /top-exits\.mjs called process\.exit\(0\)$/m],
    ['run', 'top-exits-unheard', [], 2, /top-exits-unheard\.mjs called process\.exit\(0\)$/m],
    ['run', 'top-exits', [], 2, /top-exits\.mjs called process\.exit\(0\)$/m],
    ['explore', 'top-exits', [], 2, /top-exits\.mjs called process\.exit\(0\)$/m],
    ['explain', 'top-exits', [], 2, /top-exits\.mjs called process\.exit\(0\)$/m],
  ] as const)('%s of %s', async ([command, name, options, expected, text]) => {
    const { code, err } = await run(command, at(`${name}.mjs`), ...options);
    expect(err).toMatch(text);
    expect(code).toBe(expected);
  });
});

describe('the thrown value throws when it is inspected', () => {
  test('run shows the failure, with the line that repeats it', async () => {
    const { code, out, err } = await run('run', at('hostile.mjs'));
    expect(out).toMatch(/^hostile, seed 1: error at 0 ms\n {2}an object\n {2}again: .* run \S+ --seed 1$/m);
    expect([code, err]).toEqual([1, '']);
  });

  test('explain explains it', async () => {
    const { code, out } = await run('explain', at('hostile.mjs'));
    expect(out).toMatch(/^hostile fails at 0 ms: "an object" was thrown/m);
    expect(code).toBe(1);
  });
});

describe('a failure outside every call is one line', () => {
  test.for([
    ['list', 'top-throws', 2, /^error: \S*top-throws\.mjs: uncaught exception: in a timer.*\n$/],
    ['run', 'top-rejects', 2, /^error: \S*top-rejects\.mjs: unhandled rejection: of nobody.*\n$/],
    ['run', 'throws', 1, /^error: the scenario throws: uncaught exception: late.*\n$/],
  ] as const)('%s of %s', async ([command, name, expected, text]) => {
    const { code, err } = await run(command, at(`${name}.mjs`));
    expect(err).toMatch(text);
    expect(code).toBe(expected);
  });
});

describe('a command ends when it is done, even if something was left open', () => {
  test.for([
    ['list', 'top-interval', 0],
    ['list', 'wrong-interval', 2],
  ] as const)('%s of %s', async ([command, name, expected]) => {
    const { code, err } = await run(command, at(`${name}.mjs`));
    expect(err).toMatch(/^what was loaded left real timers or handles open: .*Timeout/m);
    expect(code).toBe(expected);
  });

  test('real timers of a scenario end with it', async () => {
    const { code, out, err } = await run('run', at('interval.mjs'));
    expect(out).toMatch(/left 1 real timer of the machine/);
    expect([code, err]).toEqual([1, '']);
  });

  test('a standard stream has no name of its own', async () => {
    const { status, stderr } = await endOf('reads-input');
    expect([status, stderr]).toEqual([
      0,
      'what was loaded left real timers or handles open: a pipe or a standard stream\n',
    ]);
  });

  test('a file request that is under way ends by itself and is waited for', async () => {
    spawnSync('mkfifo', [at('queue')]);
    const ended = endOf('reads-late');
    // An open for writing waits until the command reads; its grace period has passed by the time of the write.
    const queue = await open(at('queue'), 'w');
    await setTimeout(1_000);
    await queue.write('late');
    await queue.close();
    expect(await ended).toEqual({ status: 0, stderr: 'read late\n' });
  });

  /** Lists a module with standard input open. */
  async function endOf(name: string): Promise<{ readonly status: number | null; readonly stderr: string }> {
    const child = spawn(process.execPath, [...builtCommand, 'list', at(`${name}.mjs`)], {
      cwd: root,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, stderr };
  }
});

describe('a full disk is not mistaken for a reader that has left', () => {
  test.for([
    ['list', ['list'], 2],
    ['exec', ['exec', '--', 'echo', 'hello'], 125],
  ] as const)('%s', ([, args, expected]) => {
    const { status, stderr } = runOnFullDisk(root, ...args);
    expect(stderr).toMatch(/^error: stdout cannot be written: ENOSPC/m);
    expect(status).toBe(expected);
  });
});
