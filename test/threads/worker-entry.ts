// What the exploring threads of the tests run: scenarios by name, each with something wrong.
import { existsSync, writeFileSync } from 'node:fs';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { watchEscapes } from '../../src/ambient/escapes/escape-watch.ts';
import type { PreparedScenario } from '../../src/threads/thread-scenario.ts';
import { serveExploreTask } from '../../src/threads/worker.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

function endlessly(): never {
  for (;;);
}

function fillMemory(): never {
  const kept: number[][] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, (_, at) => at + 0.5));
}

function fillBuffers(): never {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const kept: Buffer[] = [];
  for (;;) {
    kept.push(Buffer.alloc(1 << 21, 1));
    Atomics.wait(pause, 0, 0, 1);
  }
}

/** When this thread had loaded its scenario, on the clock that all threads share. */
let loadedAtMs = 0;
let times = 0;
/** How often each has been run in this thread. */
const timesOf = new Map<number, number>();
const leaked: Buffer[] = [];

/** What each does when its first decision is the last of three answers. */
const MISDEEDS: Readonly<Record<string, (sim: Simulation) => unknown>> = {
  held: () => undefined,
  check: (sim) => sim.check(sim.choose('second', 4) === 0, 'the second was not plain'),
  'shrinks-slowly': (sim) => sim.check(sim.choose('second', 4) === 0, 'the second was not plain'),
  'shrinks-for-ever': (sim) => sim.check(sim.choose('second', 4) === 0, 'the second was not plain'),
  hang: (sim) => (sim.choose('second', 2) === 1 ? endlessly() : undefined),
  microtasks: async () => {
    for (;;) await Promise.resolve();
  },
  ticks: () => {
    const loop = (): void => {
      process.nextTick(loop);
    };
    loop();
  },
  memory: () => fillMemory(),
  exit: () => process.exit(7),
  'loads-once': () => {
    writeFileSync(process.env['DRYRUNNER_TEST_FLAG']!, '');
    process.exit(7);
  },
  buffers: () => fillBuffers(),
  leaks: () => void leaked.push(Buffer.alloc(1 << 23)),
  prints: () => console.log('a line\n'.repeat(1 << 19)),
  posts: () =>
    [null, 'text', { type: 'done' }, { type: 'event' }].map((what) => parentPort?.postMessage(what)),
  blocked: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500),
  'blocked-for-ever': () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  endless: async (sim) => {
    const flag = process.env['DRYRUNNER_TEST_FLAG'];
    if (flag !== undefined) writeFileSync(flag, '');
    for (;;) await sim.sleep(1, 'forever');
  },
  interval: () => void setInterval(() => undefined, 3_600_000),
  stray: () => void Promise.reject(new Error('nobody waits for me')),
  clock: () => Date.now(),
  loaded: (sim) => sim.check(false, `loaded at ${loadedAtMs}`),
  once: (sim) => {
    times += 1;
    return times > 1 ? endlessly() : sim.check(false, 'first time');
  },
  modes: (sim) => {
    const mode = sim.choose('mode', 4);
    if (mode === 3) writeFileSync(process.env['DRYRUNNER_TEST_FLAG']!, '');
    sim.check(mode !== 1, 'fails as ever');
    sim.check(mode !== 2, 'fails in a new way');
  },
  'two-bugs': (sim) => {
    const bug = sim.choose('bug', 2);
    const flag = (of: number, what: string): string => `${process.env['DRYRUNNER_TEST_FLAG']!}-${of}-${what}`;
    writeFileSync(flag(bug, 'came'), '');
    process.once('exit', () => writeFileSync(flag(bug, 'left'), ''));
    while (!existsSync(flag(1 - bug, 'came')));
    sim.check(false, bug === 0 ? 'one bug' : 'another bug');
  },
  'goes-on': async (sim) => {
    times += 1;
    if (times > 1) writeFileSync(process.env['DRYRUNNER_TEST_FLAG']!, '');
    for (;;) await sim.sleep(1, 'forever');
  },
  rare: (sim) => {
    const mode = sim.choose('mode', 4);
    sim.sometimes('the first mode', mode === 1);
    sim.sometimes('no mode', mode > 3);
    if (mode === 2) process.exit(7);
  },
  'endless-or-exit': async (sim) => {
    const mode = sim.choose('mode', 4);
    while (mode === 1) await sim.sleep(1, 'goes on');
    if (mode === 2) process.exit(7);
  },
  'long-then-exit': async (sim) => {
    const id = sim.choose('id', 1_000_000);
    sim.sometimes(`ran ${id}`, true);
    // With a larger budget than the first once another has ended, and one that is above the longer one.
    const isLong = id === Number(process.env['DRYRUNNER_TEST_FLAG']);
    for (let i = 0; i < (isLong ? 260_000 : 20_000); i += 1) await sim.sleep(1 + (i % 7));
    if (isLong) process.exit(7);
  },
  'third-time-exit': (sim) => {
    const id = sim.choose('id', 1_000_000);
    sim.sometimes(`ran ${id}`, true);
    timesOf.set(id, (timesOf.get(id) ?? 0) + 1);
    if (timesOf.get(id) === 3) process.exit(7);
  },
  messages: (sim) => {
    const lost = [0, 1, 2, 3, 4].filter((i) => {
      const isLost = sim.strikes(`message ${i}`, 'lost', { oneIn: 2 });
      if (isLost && i === 3) process.exit(7);
      return isLost;
    });
    sim.sometimes(`lost ${lost.join(' ')}`, true);
  },
  random: (sim) => sim.note(`${sim.world.random.int(1_000_000)}`),
  timer: () =>
    new Promise((resolve) => {
      setTimeout(resolve, 3_600_000);
    }),
};

/** How long the thread is silent once its failure has failed again, between two executions. */
const SILENT_MS: Readonly<Record<string, number>> = {
  'shrinks-slowly': 2_000,
  'shrinks-for-ever': Infinity,
};

/** The first thing that a thread sends is that it is ready, the second the beginning of its search. */
function silentAfterSecondMessage(port: MessagePort, ms: number): void {
  const post = port.postMessage.bind(port);
  let posted = 0;
  port.postMessage = (message: unknown) => {
    post(message);
    posted += 1;
    if (posted === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  };
}

/** Those that misbehave in each execution. */
const ALWAYS: ReadonlySet<string> = new Set(['messages', 'long-then-exit', 'third-time-exit']);

await serveExploreTask({
  load,
  awaitedCode: () => 'what was loaded',
  loadEscapeWatch: () => Promise.resolve(watchEscapes),
});

async function load(name: string): Promise<PreparedScenario> {
  const misdeed = MISDEEDS[name];
  if (misdeed === undefined) throw new Error(`no scenario is called ${name}`);
  if (name === 'loads-once' && existsSync(process.env['DRYRUNNER_TEST_FLAG']!)) {
    throw new Error('half an edit');
  }
  const silentMs = SILENT_MS[name];
  if (silentMs !== undefined) silentAfterSecondMessage(parentPort!, silentMs);
  const definition: ScenarioDefinition = defineScenario({
    name,
    description: 'of a test',
    ...(name === 'endless' ? { options: { maxEvents: 1e12 } } : {}),
    async run(sim) {
      sim.sometimes('last of three', sim.choose('first', 3) === 2);
      if (sim.world.choices.choose('also first', 3) === 2 || ALWAYS.has(name)) await misdeed(sim);
    },
  });
  loadedAtMs = Number(process.hrtime.bigint()) / 1_000_000;
  return { definition, input: undefined };
}
