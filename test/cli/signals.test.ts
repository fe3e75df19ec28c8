// R-12: what a shell sees of a command that a signal has ended, whenever it came.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, inject, test, vi, type ExpectStatic } from 'vitest';
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { simulationLines } from '../../src/trace/simulation-file.ts';
import { builtCommand, jsonLines, root, run, startForAtMost, startWith, type Started } from './command.ts';
import { makeUserProject } from './user-project.ts';

type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const SIGNALS: readonly EndSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const CORPUS = '.dryrunner/corpus/typed';
const hasScript = spawnSync('script', ['--version']).status === 0;

let dir = '';
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-signals-'));
  const scenario = (name: string, body: string): string =>
    `export const ${name.replace('-', '')} = { name: '${name}', description: 'of a test', options: { maxEvents: 1e12 }, run: ${body} };\n`;
  await writeFile(
    at('s.mjs'),
    scenario('fine', '(sim) => sim.sleep(1)') +
      scenario(
        'endless',
        "async (sim) => { process.stderr.write('at work\\n'); for (;;) await sim.sleep(1); }",
      ) +
      scenario(
        'goes-on',
        `async (sim) => {
          if (globalThis.again) process.stderr.write('at work\\n'); else { globalThis.again = true; sim.check(sim.choose('toss', 2) > 1, 'no'); }
          for (;;) await sim.sleep(1);
        }`,
      ) +
      scenario('coin', "(sim) => sim.check(sim.choose('toss', 2) === 0, 'heads')"),
  );
  await writeFile(
    at('loading.mjs'),
    "process.stderr.write('at work\\n'); await new Promise((resolve) => setTimeout(resolve, 600_000)); export default 7;",
  );
  await writeFile(
    at('preparing.mjs'),
    `const prepare = () => { setInterval(() => {}, 1_000); process.stderr.write('at work\\n'); return new Promise(() => {}); };
    export const preparing = { name: 'preparing', description: 'of a test', prepare, run: () => {} };`,
  );
  const loop = "process._rawDebug('at work'); for (;;);";
  await writeFile(
    at('looping.mjs'),
    [
      scenario('looping', `() => { ${loop} }`),
      scenario(
        'reactions',
        "async (sim) => { await sim.sleep(5); process._rawDebug('at work'); for (;;) await undefined; }",
      ),
      scenario(
        'property',
        `async (sim) => { sim.always('it holds', () => { ${loop} }); await sim.sleep(5); }`,
      ),
      scenario(
        'asleep',
        "() => { process._rawDebug('at work'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000); }",
      ),
      scenario(
        'stopped',
        "() => { if (globalThis.again) return; globalThis.again = true; process._rawDebug('at work'); process.kill(process.pid, 'SIGSTOP'); for (;;); }",
      ),
      `import { ambientTime } from ${JSON.stringify(pathToFileURL(join(inject('builtPackage'), 'dist/ambient/index.js')).href)};\n`,
      scenario('ambient', `async (sim) => { await sim.sleep(1e9); ${loop} }`),
      'ambient.options.ambient = ambientTime();\n',
    ].join(''),
  );
  await writeFile(
    at('starts.mjs'),
    `import { createExecRunner, createOsExecer, createSystemClock } from ${JSON.stringify(pathToFileURL(join(inject('builtPackage'), 'dist/host/index.js')).href)};
    const goesOn = async (sim) => { for (;;) await sim.sleep(1); };
    const names = { jobId: '', taskId: '', tag: '' };
    const command = (file) => ({ ...names, argv: ['sh', '-c', 'echo $$ >"$1.new"; mv "$1.new" "$1"; exec sleep 600', 'sh', file] });
    ${scenario(
      'runs',
      `async (sim) => { await createExecRunner().run(command(${JSON.stringify(at('runs.pid'))})); await goesOn(sim); }`,
    )}${scenario(
      'spawns',
      `async (sim) => { createOsExecer({ clock: createSystemClock() }).exec({ ...command(${JSON.stringify(at('spawns.pid'))}), dir: '' }); await goesOn(sim); }`,
    )}`,
  );
  await writeFile(at('loops.mjs'), loop);
  // Holds the process up when it has begun to load, or when its command is done.
  const hold =
    "process._rawDebug('held up'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);";
  const inMain = "import { isMainThread } from 'node:worker_threads'; ";
  await writeFile(at('at-start.mjs'), `${inMain} if (isMainThread) { ${hold} }`);
  await writeFile(at('at-end.mjs'), `${inMain} if (isMainThread) process.on('exit', () => { ${hold} });`);
  await Promise.all([
    run('run', at('s.mjs#fine'), '--trace', at('trace.jsonl')),
    run('exec', '--trace', at('recording.jsonl'), '--', 'true'),
    run('explore', at('s.mjs#coin'), '--corpus', at('corpus'), '--no-shrink'),
  ]);
  const [log = ''] = await readdir(join(at('corpus'), 'coin'));
  logs.push(join(at('corpus'), 'coin', log));
  // Commands on a busy machine.
});

afterAll(() => rm(dir, { recursive: true }));

const logs: string[] = [];

/** Many times what a loop takes that is ended. */
const LOOP_SECONDS_MAX = 40;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until a real command has ended, and leaves none behind. */
async function expectEnd(pid: number, expect: ExpectStatic): Promise<void> {
  try {
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
}

/** As `$?` has it, also where the signal itself ended the process. */
async function statusOf({ child, finished }: Started): Promise<number | null> {
  const { code } = await finished;
  return child.signalCode === null ? code : 128 + constants.signals[child.signalCode];
}

/** Each command as it is typed when it has nothing long to do. */
const COMMANDS: readonly (readonly [string, () => readonly string[]])[] = [
  ['start', () => ['start', '--seeds', '1']],
  ['run', () => ['run', at('s.mjs#fine')]],
  ['list', () => ['list']],
  ['explore', () => ['explore', at('s.mjs#fine'), '--executions', '1', '--corpus', at('none')]],
  ['explain', () => ['explain', at('s.mjs#fine')]],
  ['replay of a log', () => ['replay', logs[0] ?? '', '--allow', dir]],
  ['replay of a trace', () => ['replay', at('trace.jsonl'), '--allow', dir]],
  ['replay of a recording', () => ['replay', at('recording.jsonl')]],
  ['exec', () => ['exec', '--', 'true']],
];

const MOMENTS = ['at-start', 'at-end'] as const;
/** Each command at each moment, with every signal in turn. */
const EDGES = COMMANDS.flatMap(([name, args], row) =>
  MOMENTS.map((moment, column) => [name, moment, SIGNALS[(row + column) % 3] ?? 'SIGINT', args] as const),
);

test.concurrent.for(EDGES)(
  '%s, %s: %s ends it with its own status',
  async ([, moment, signal, args], { expect }) => {
    const hook = `--import ${pathToFileURL(at(`${moment}.mjs`)).href}`;
    const started = startWith({ NODE_OPTIONS: hook }, ...args());
    await started.prints('held up');
    started.child.kill(signal);
    expect(await statusOf(started)).toBe(STATUS[signal]);
  },
);

/** Each command in the midst of something that has no end, and what it prints there. */
const ENDLESS: readonly (readonly [string, string, () => readonly string[]])[] = [
  ['run', 'at work', () => ['run', at('s.mjs#endless')]],
  ['run, loading', 'at work', () => ['run', at('loading.mjs')]],
  ['run, preparing', 'at work', () => ['run', at('preparing.mjs')]],
  ['list, loading', 'at work', () => ['list', at('loading.mjs')]],
  ['explore', 'at work', () => ['explore', at('s.mjs#endless'), '--corpus', at('none'), '--workers', '1']],
  // The failure is found at once, and its execution goes on for ever when it is run again to make it small.
  ['explain', 'at work', () => ['explain', at('s.mjs#goes-on')]],
  ['exec', 'at work', () => ['exec', '--', 'sh', '-c', 'echo at work; sleep 600']],
  ['serve', 'serving the', () => ['serve', '--reapi', '--port', '0']],
  ['start', '"type":"run"', () => ['start', '--seeds', '100000', '--json']],
];
const MIDDLES = ENDLESS.flatMap(([name, text, args]) =>
  SIGNALS.map((signal) => [name, signal, text, args] as const),
);

describe('in the middle', () => {
  test.concurrent.for(MIDDLES)(
    '%s: %s ends it with its own status',
    async ([, signal, text, args], { expect }) => {
      const started = startWith({}, ...args());
      await started.prints(text);
      started.child.kill(signal);
      expect(await statusOf(started)).toBe(STATUS[signal]);
    },
  );

  test.for([
    ['run', 'at work', () => ['run', at('looping.mjs#looping')]],
    ['explore of a module that loops when it is loaded', 'at work', () => ['explore', at('loops.mjs')]],
    ['explain of a module that loops when it is loaded', 'at work', () => ['explain', at('loops.mjs')]],
    ['list of a module that loops when it is loaded', 'at work', () => ['list', at('loops.mjs')]],
  ] as const)(
    '%s, in a loop that leaves nothing else a turn: SIGTERM and SIGHUP end it',
    async ([, text, args], { expect }) => {
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
        const started = startWith({}, ...args());
        await started.prints(text);
        started.child.kill(signal);
        expect(await statusOf(started)).toBe(STATUS[signal]);
      }
    },
  );

  test.for(['looping', 'reactions', 'property', 'asleep'])(
    'run, in a turn that has no end (%s): Ctrl-C prints what is known once the turn is given up, and ends it with 130',
    async (name, { expect }) => {
      const scenarios = [at('s.mjs#fine'), at(`looping.mjs#${name}`), at('s.mjs#endless')];
      const started = startForAtMost(LOOP_SECONDS_MAX, 'run', ...scenarios, '--hang', '3s');
      await started.prints('at work');
      started.child.kill('SIGINT');
      const { code, out, err } = await started.finished;
      expect(code, err).toBe(130);
      expect(out).toMatch(/^fine +held /m);
      expect(out).toMatch(new RegExp(`^${name} +interrupted `, 'm'));
      expect(err).toContain(`interrupted: ${name}, seed 1, did not end a turn for `);
      expect(err).toMatch(/^not run: endless$/m);
    },
  );

  test.for(['looping', 'reactions', 'ambient', 'asleep'])(
    'run: a turn that has no end fails as a hang (%s), and names its line',
    async (name, { expect }) => {
      const trace = at(`${name}.jsonl`);
      const args = ['run', at(`looping.mjs#${name}`), '--hang', '200ms', '--json', '--trace', trace];
      const { code, out, err } = await startForAtMost(LOOP_SECONDS_MAX, ...args).finished;
      expect(code, err).toBe(1);
      const [{ failure, held }] = jsonLines(out) as [{ held: boolean; failure: Record<string, unknown> }];
      expect({ held, kind: failure['kind'] }).toEqual({ held: false, kind: 'hang' });
      expect(failure['message']).toMatch(
        // Of real time: in the virtual time of `ambient` it has been more than 100,000 s.
        /^the execution made no progress for \d{1,4}(?:\.\d)? s: a loop that never ends nor waits$/,
      );
      const details = failure['details'] as string[];
      expect(details).toHaveLength(1);
      for (const detail of details) expect(detail).toMatch(/^it loops here\n {4}at (?:Object\.)?run \(/);
      expect(await readFile(trace, 'utf8')).toMatch(/"failureKey":"hang [^]*"type":"end"/);
    },
  );

  test.for(['run', 'explore', 'explain'])(
    '%s: the line of a loop is that of the source, in TypeScript as well',
    async (command, { expect }) => {
      const project = makeUserProject();
      project.write(
        'typed.ts',
        `interface Sim {
  sleep(ms: number): Promise<void>;
}
export const typed = {
  name: 'typed',
  description: 'a loop in the midst of a file',
  run: async (sim: Sim): Promise<void> => {
    await sim.sleep(5);
    for (let left = 3; left > 0; ) {
      void left;
    }
  },
};
`,
      );
      const { out, err } = await project.dryrunner([command, 'typed.ts', '--hang', '200ms']);
      const [kept] = command === 'explore' ? await readdir(join(project.folder, CORPUS)) : [];
      const log = kept === undefined ? '' : await readFile(join(project.folder, CORPUS, kept), 'utf8');
      project.remove();
      // The same failure wherever in the loop it is stopped.
      expect(log).toMatch(command === 'explore' ? /"failureKey":"hang [^"]* nor waits ?","message"/ : /^$/);
      expect(out, err).toMatch(/it loops here\n +(?:Object\.)?run \(.*typed\.ts:(?:9|10):\d+\)\n/);
    },
  );

  test('replay of the trace of a hang comes to the same', async ({ expect }) => {
    const trace = at('hang.jsonl');
    const recorded = ['run', at('looping.mjs#looping'), '--hang', '200ms', '--trace', trace];
    await startForAtMost(LOOP_SECONDS_MAX, ...recorded).finished;
    const replayed = ['replay', trace, '--allow', dir, '--hang', '200ms'];
    const { code, out, err } = await startForAtMost(LOOP_SECONDS_MAX, ...replayed).finished;
    expect(out, err).toMatch(
      /^looping, seed 1, fails at 0 ms: the execution made no progress .*\n  reproduced/,
    );
    expect(code).toBe(1);
  });

  test.skipIf(process.platform === 'win32')(
    'run: the time in which the process was stopped is no hang (skipped on Windows because nothing is stopped there)',
    async ({ expect }) => {
      const started = startForAtMost(LOOP_SECONDS_MAX, 'run', at('looping.mjs#stopped'), '--hang', '2s');
      await started.prints('at work');
      // Longer than it may take; the signal that stops it comes at once.
      await sleep(3_000);
      started.child.kill('SIGCONT');
      const { code, out, err } = await started.finished;
      expect(out, err).toMatch(/^stopped +held /m);
      expect(code).toBe(0);
    },
  );

  for (const name of ['runs', 'spawns']) {
    test.for(SIGNALS)(
      `run: what a scenario has started for real (${name}) ends with the command: %s`,
      async (signal, { expect }) => {
        const file = at(`${name}.pid`);
        await rm(file, { force: true });
        const started = startWith({}, 'run', at(`starts.mjs#${name}`));
        const pid = await vi.waitFor(async () => Number(await readFile(file, 'utf8')), { timeout: 50_000 });
        started.child.kill(signal);
        expect(await statusOf(started)).toBe(STATUS[signal]);
        await expectEnd(pid, expect);
      },
    );
  }

  test('explore: what a scenario has started for real ends with the command', async ({ expect }) => {
    const file = at('spawns.pid');
    await rm(file, { force: true });
    const started = startWith(
      {},
      'explore',
      at('starts.mjs#spawns'),
      '--corpus',
      at('none'),
      '--workers',
      '1',
    );
    const pid = await vi.waitFor(async () => Number(await readFile(file, 'utf8')), { timeout: 50_000 });
    started.child.kill('SIGTERM');
    expect(await statusOf(started)).toBe(143);
    await expectEnd(pid, expect);
  });

  test.for(SIGNALS)(
    'run, while the second scenario prepares: %s prints the result of the first',
    async (signal, { expect }) => {
      const started = startWith({}, 'run', at('s.mjs#fine'), at('preparing.mjs'));
      await started.prints('at work');
      started.child.kill(signal);
      expect(await statusOf(started)).toBe(STATUS[signal]);
      const { out, err } = await started.finished;
      expect(out).toMatch(/^fine +held /m);
      expect(err).toMatch(/^interrupted while preparing was preparing$/m);
    },
  );

  const headerOf = (name: string): { scenario: string; meta: { reference: string } } => ({
    scenario: name,
    meta: { reference: at(`s.mjs#${name}`) },
  });
  const loading = (): ReturnType<typeof headerOf> => ({
    scenario: 'loading',
    meta: { reference: at('loading.mjs') },
  });
  const written = async (name: string, lines: Iterable<string>): Promise<string> => {
    await writeFile(at(name), [...lines].join(''));
    return at(name);
  };

  test.for<readonly [what: string, args: () => Promise<readonly string[]>, err: RegExp, out?: RegExp]>([
    [
      'explain, while the execution runs',
      async () => ['explain', at('s.mjs#endless')],
      /^interrupted while endless ran, after 0 decisions: how it ends is not known$/m,
    ],
    [
      'explain, while the failure is made small',
      async () => ['explain', at('s.mjs#goes-on')],
      /^interrupted while the failure was made small and explained: it is shown as it was found$/m,
      /^goes-on, seed 1: check$/m,
    ],
    [
      'explain without shrinking, while the failure is explained',
      async () => ['explain', at('s.mjs#goes-on'), '--no-shrink', '--json'],
      /^interrupted while the failure was explained: it is shown as it was found$/m,
      /^\{"type":"explained","scenario":"goes-on","held":false,/,
    ],
    [
      'replay of a log, while the scenario loads',
      async () => ['replay', await written('loading.jsonl', decisionLogLines([], loading())), '--allow', dir],
      /^interrupted while the scenario was loading$/m,
    ],
    [
      'replay of a log, while the execution runs',
      async () => {
        const lines = decisionLogLines([], headerOf('endless'));
        return ['replay', await written('runs.jsonl', lines), '--allow', dir];
      },
      /^interrupted while .*s\.mjs#endless ran, after 0 decisions: how it ends is not known$/m,
    ],
    [
      'replay of a log, while its failure is explained',
      async () => {
        const lines = decisionLogLines([], headerOf('goes-on'));
        return ['replay', await written('explains.jsonl', lines), '--allow', dir];
      },
      /^interrupted while .*s\.mjs#goes-on was explained: only its outcome is shown$/m,
      /s\.mjs#goes-on: the log does not fit.* it fails at 0 ms: no$/m,
    ],
    [
      'replay of a trace, while the scenario loads',
      async () => {
        const lines = simulationLines({ decisions: [], events: [] }, { ...loading(), seed: '1' });
        return ['replay', await written('loading-trace.jsonl', lines), '--allow', dir];
      },
      /^interrupted while the scenario was loading$/m,
    ],
    [
      'replay of a trace, while the execution runs',
      async () => {
        const lines = simulationLines({ decisions: [], events: [] }, { ...headerOf('endless'), seed: '1' });
        return ['replay', await written('endless-trace.jsonl', lines), '--allow', dir];
      },
      /^interrupted while endless ran, after [\d,]+ events?: whether it is reproduced is not known$/m,
    ],
  ])(
    '%s: Ctrl-C says what was interrupted and what is known, and ends it with 130',
    async ([, args, err, out], { expect }) => {
      const started = startWith({}, ...(await args()));
      await started.prints('at work');
      started.child.kill('SIGINT');
      const finished = await started.finished;
      expect(finished.code, finished.err).toBe(130);
      expect(finished.err).toMatch(err);
      expect(finished.out).toMatch(out ?? /^$/);
    },
  );

  test('replay of a recording: Ctrl-C says what was interrupted, and ends it with 130', async ({
    expect,
  }) => {
    // The signal is there as soon as somebody handles it.
    await writeFile(
      at('signalled.mjs'),
      "const { on } = process; process.on = function (name, handler) { on.call(this, name, handler); if (name === 'SIGINT') process.kill(process.pid, name); return this; };",
    );
    const hook = `--import ${pathToFileURL(at('signalled.mjs')).href}`;
    const { code, out, err } = await startWith({ NODE_OPTIONS: hook }, 'replay', at('recording.jsonl'))
      .finished;
    expect([code, out, err]).toEqual([130, '', `interrupted while ${at('recording.jsonl')} was read\n`]);
  });

  test('the replay of a log that does not end: SIGTERM ends it with its own status', async ({ expect }) => {
    const header = { scenario: 'endless', meta: { reference: at('s.mjs#endless') } };
    await writeFile(at('endless.jsonl'), [...decisionLogLines([], header)].join(''));
    const started = startWith({}, 'replay', at('endless.jsonl'), '--allow', dir);
    await started.prints('at work');
    started.child.kill('SIGTERM');
    expect(await statusOf(started)).toBe(143);
  });

  test('Ctrl-\\ ends a command with all processes that it has started, and its own status', async ({
    expect,
  }) => {
    const started = startWith({}, 'exec', '--', 'sh', '-c', 'echo at work; sleep 600');
    await started.prints('at work');
    started.child.kill('SIGQUIT');
    expect(await statusOf(started)).toBe(131);
  });

  test.skipIf(!hasScript)(
    'a closed terminal ends it with 129 (skipped where there is no script(1), because nothing else makes one)',
    async ({ expect }) => {
      const line = `trap : HUP; node ${builtCommand.join(' ')} explore ${at('s.mjs#endless')} --corpus ${at('none')}; echo $? > ${at('status')}`;
      const terminal = spawn('script', ['-qfc', line, '/dev/null'], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      for await (const chunk of terminal.stdout) if (String(chunk).includes('at work')) break;
      terminal.kill('SIGKILL');
      await expect
        .poll(() => readFile(at('status'), 'utf8').catch(() => ''), { timeout: 50_000 })
        .toBe('129\n');
    },
  );

  test('a second signal ends it at once, with the status of that one', async ({ expect }) => {
    const started = startWith(
      {},
      'exec',
      '--',
      'sh',
      '-c',
      "trap 'echo stopping' TERM; echo at work; while :; do sleep 1; done",
    );
    await started.prints('at work');
    started.child.kill('SIGINT');
    await started.prints('stopping');
    started.child.kill('SIGTERM');
    expect(await statusOf(started)).toBe(143);
  });
});
