// R-12: what a shell sees of a command that a signal has ended, whenever it came.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { builtCommand, root, run, startWith, type Started } from './command.ts';

type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const SIGNALS: readonly EndSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

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
  await writeFile(at('looping.mjs'), scenario('looping', `() => { ${loop} }`));
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
  ['exec', 'at work', () => ['exec', '--', 'sh', '-c', 'echo at work; sleep 600']],
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
