/** What tests do wrong in ambient time: a clear sentence with the line, never a hang, never a pass. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { isRunnerError, simulate, type Failure, type Scenario, type SimulateOptions } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { readProjectFile } from '../../scripts/module-graph.ts';
import { GuardedTurns } from '../../src/ambient/guarded-turns.ts';
import { standIns, type StandIn } from '../../src/ambient/globals/stand-in.ts';
import { hub } from '../../src/ambient/hub.ts';
import { onProcessEvents } from '../../src/kernel/drain-host.ts';
import { runSimulatedTest } from '../../src/vitest/simulated-test.ts';
import { makeUserProject } from '../cli/user-project.ts';

const HERE = /at .*bad-input\.test\.ts:\d+:\d+/;
/** Loops end after so many rounds, more than any limit: what should end them may be broken. */
const ROUNDS_MAX = 2_000_000;
const DRAINS = ['fast', 'documented'] as const;

const passes = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Also puts the stand-ins in place, before tests keep functions that they replace. */
const AMBIENT = ambientTime();

async function failureOf(
  scenario: Scenario,
  options: Partial<SimulateOptions> = {},
): Promise<Failure | undefined> {
  const about = { capturePlaces: true, captureAwaits: true };
  return (await simulate({ ambient: AMBIENT, ...about, scenario, ...options })).failure;
}

/** What a failing `simTest` prints. Its time says nothing about what fails by a count: a busy machine may take it. */
async function printedOf(scenario: Scenario, timeoutMs = 20_000): Promise<Error> {
  const now = (): number => performance.now();
  const tested = { name: 'bad input', scenario, options: { runs: 5 }, now, timeoutMs };
  const error: unknown = await runSimulatedTest(tested).catch((caught: unknown) => caught);
  if (!(error instanceof Error)) throw new Error('expected it to fail');
  return error;
}

const THROWS: PropertyDescriptor = {
  get() {
    throw new Error('no message');
  },
};

const THROWN: readonly (readonly [string, unknown, string])[] = [
  ['a text', 'bad', 'bad'],
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['an object with a message that throws', Object.defineProperties({}, { message: THROWS }), 'an object'],
  [
    'an error with a message that throws',
    Object.defineProperties(new Error('bad'), { stack: THROWS, message: THROWS }),
    'an Error',
  ],
];

function throwIt(thrown: unknown): never {
  throw thrown;
}

describe('what a timer throws', () => {
  test('an error has its own line', async () => {
    const failure = await failureOf(async () => {
      setTimeout(() => throwIt(new Error('bad')), 5);
      await passes(10);
    });
    expect(failure).toMatchObject({ kind: 'error', message: 'bad', atMs: 5, details: [] });
    expect((failure?.cause as Error).stack).toMatch(HERE);
  });

  test.for(THROWN)('%s is shown with the line of the timer', async ([, thrown, message]) => {
    const failure = await failureOf(async () => {
      setTimeout(() => throwIt(thrown), 5);
      await passes(10);
    });
    expect(failure).toMatchObject({ kind: 'error', message, atMs: 5 });
    expect(failure?.details).toEqual([
      expect.stringMatching(/^thrown when timer setTimeout fired, due at 5 ms, set here\nat .*bad-input/),
    ]);
  });

  test('where no places are captured, no line is announced', async () => {
    const throwing = async (): Promise<void> => {
      setTimeout(() => throwIt('a text'), 5);
      await passes(10);
    };
    const failure = await failureOf(throwing, { capturePlaces: false });
    expect(failure?.details).toEqual(['thrown when timer setTimeout fired, due at 5 ms']);
  });

  test.for(THROWN)(
    '%s that the scenario throws is shown with the timer before',
    async ([, thrown, message]) => {
      const failure = await failureOf(async () => {
        await passes(10);
        throwIt(thrown);
      });
      expect(failure).toMatchObject({ kind: 'error', message, atMs: 10 });
      expect(failure?.details).toEqual([expect.stringMatching(HERE)]);
    },
  );
});

describe('what nobody catches', () => {
  const announced: unknown[] = [];
  const note = (reason: unknown): void => void announced.push(reason);

  afterEach(() => {
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(announced.splice(0)).toEqual([]);
  });

  const watched: typeof failureOf = async (...given) => {
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
    const { emit } = process;
    const failure = await failureOf(...given);
    expect(process.emit).toBe(emit);
    await nextTurn();
    return failure;
  };

  test.for(DRAINS)('a rejection fails the simulation at its instant, with its line (%s)', async (drain) => {
    const failure = await watched(
      async () => {
        setTimeout(() => void Promise.reject(new Error('lost')), 5);
        await passes(10);
      },
      { drain },
    );
    expect(failure).toMatchObject({ kind: 'error', message: 'unhandled rejection in the scenario: lost' });
    expect((failure?.cause as Error).stack).toMatch(HERE);
    if (drain === 'fast') expect(failure?.atMs).toBe(5);
  });

  test.for(DRAINS)('so does one that comes last, also of a chain that still runs (%s)', async (drain) => {
    const last = await watched(() => void Promise.reject(new Error('last')), { drain });
    expect(last?.message).toBe('unhandled rejection in the scenario: last');
    const chain = async (): Promise<void> => {
      for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
      throw new Error('chain');
    };
    const late = await watched(() => void chain(), { drain });
    expect(late?.message).toBe('unhandled rejection in the scenario: chain');
  });

  test.for(THROWN)('%s is no less', async ([, thrown, message]) => {
    const failure = await watched(async () => {
      setTimeout(() => void Promise.reject(thrown as Error), 5);
      await passes(10);
    });
    expect(failure).toMatchObject({
      kind: 'error',
      message: `unhandled rejection in the scenario: ${message}`,
    });
    expect(failure?.details).toEqual([expect.stringMatching(HERE)]);
  });

  test.for(DRAINS)('one that is handled in the same instant is none (%s)', async (drain) => {
    const failure = await watched(
      async () => {
        const rejected = Promise.reject(new Error('handled'));
        await nextTurn();
        await rejected.catch(() => undefined);
        await passes(10);
      },
      { drain },
    );
    expect(failure).toBeUndefined();
  });

  test('one that is handled when time has passed is one, as in Node', async () => {
    const failure = await watched(async () => {
      const rejected = Promise.reject(new Error('late'));
      await passes(10);
      await rejected.catch(() => undefined);
    });
    expect(failure).toMatchObject({ message: 'unhandled rejection in the scenario: late', atMs: 0 });
  });

  test.for(DRAINS)('what ticks and microtasks throw fails the simulation (%s)', async (drain) => {
    for (const later of [process.nextTick, queueMicrotask]) {
      const failure = await watched(
        async () => {
          later(() => throwIt(new Error('tick')));
          await passes(10);
        },
        { drain },
      );
      expect(failure).toMatchObject({ kind: 'error', message: 'uncaught exception in the scenario: tick' });
      expect((failure?.cause as Error).stack).toMatch(HERE);
    }
  });

  test.for([true, false])(
    'what a tick throws in a later execution ends that alone (ambient: %s)',
    async (ambient) => {
      const thrown: string[] = [];
      const release = onProcessEvents({
        uncaughtException: (reason) => thrown.push((reason as Error).message) > 0,
      });
      const scenario: Scenario = async (sim) => {
        await sim.sleep(5);
        if (sim.choose('execution', 8) === 3) process.nextTick(() => throwIt(new Error('tick')));
        await sim.sleep(5);
      };
      const options = { runs: 30, ambient, explain: false };
      const tested = {
        name: 'bad input',
        scenario,
        options,
        now: () => performance.now(),
        timeoutMs: 60_000,
      };
      const outcome = await runSimulatedTest(tested).then(
        () => 'held',
        ({ message }: Error) => message,
      );
      release();
      expect(outcome).toMatch(/uncaught exception in the scenario: tick/);
      expect(thrown).toEqual([]);
    },
  );

  test('a simTest shows the line', async () => {
    const { message, stack } = await printedOf(async () => {
      void Promise.reject(new Error('lost'));
      await passes(1);
    });
    expect(message).toContain('unhandled rejection in the scenario: lost');
    expect(stack).toMatch(HERE);
  });
});

describe('globals that the scenario replaces', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('fake timers that the scenario waits for are named, with the line that waits', async () => {
    const fakes = async (): Promise<void> => {
      vi.useFakeTimers();
      await passes(10);
    };
    const failure = await failureOf(fakes);
    expect(failure).toMatchObject({ kind: 'deadlock' });
    expect(failure?.message).toMatch(
      /the scenario has replaced \w+, as vi\.useFakeTimers does \(leave that out/,
    );
    expect(failure?.details.join('\n')).toMatch(HERE);
    // They are out of the way of what runs next, and nothing is lost when they are put away after that.
    expect(await failureOf(() => passes(10))).toBeUndefined();
    vi.useRealTimers();
    expect(await failureOf(() => passes(10))).toBeUndefined();
    const { message } = await printedOf(fakes);
    expect(message).toContain('vi.useFakeTimers');
    expect(message).toMatch(/bad-input\.test\.ts:\d+/);
  });

  test('fake timers that are moved on and put away work', async () => {
    const failure = await failureOf(async () => {
      vi.useFakeTimers();
      const fired = vi.fn();
      setTimeout(fired, 10);
      vi.advanceTimersByTime(10);
      vi.useRealTimers();
      await passes(10);
      expect(fired).toHaveBeenCalledOnce();
    });
    expect(failure).toBeUndefined();
  });

  test('one that is put back is fine; one that is left fails, and is put back for the next', async () => {
    const real = globalThis.setTimeout;
    const replace = (): void => {
      globalThis.setTimeout = ((...args: Parameters<typeof real>) => real(...args)) as typeof real;
    };
    const wellBehaved = await failureOf(async () => {
      replace();
      await passes(10);
      globalThis.setTimeout = real;
    });
    expect(wellBehaved).toBeUndefined();
    const failure = await failureOf(async () => {
      replace();
      await passes(10);
    });
    expect(failure).toMatchObject({
      kind: 'leftovers',
      rule: 'R204',
      message: expect.stringMatching(
        /^The scenario has ended and left setTimeout replaced: put back/,
      ) as string,
    });
    expect(globalThis.setTimeout).toBe(real);
  });

  const nodeDate = (): object =>
    (standIns.find(({ name }) => name === 'Date') as StandIn).before.value as object;
  const spied = (owner: () => object, key: string) => (): (() => void) => {
    const spy = vi.spyOn(owner() as Record<string, () => unknown>, key).mockReturnValue('replaced');
    return () => spy.mockRestore();
  };
  const stubbed = (name: string, value: unknown) => (): (() => void) => {
    vi.stubGlobal(name, value);
    return () => vi.unstubAllGlobals();
  };
  test.for([
    ['Date.now', spied(() => Date, 'now')],
    ['Date.now of Node', spied(nodeDate, 'now')],
    ['performance.now', spied(() => performance, 'now')],
    ['performance.now', spied(() => Object.getPrototypeOf(performance) as object, 'now')],
    ['crypto.randomUUID', spied(() => crypto, 'randomUUID')],
    ['performance', stubbed('performance', { now: () => 5 })],
    ['crypto', stubbed('crypto', { randomUUID: () => 'fixed' })],
  ] as const)('%s, however it is replaced, is found and put back', async ([name, replace]) => {
    const look = (): unknown[] => [Date.now, performance, performance.now, crypto, crypto.randomUUID];
    const before = look();
    const putBack = await failureOf(async () => {
      const restore = replace();
      await passes(10);
      restore();
    });
    expect(putBack).toBeUndefined();
    const failure = await failureOf(() => void replace());
    expect(failure?.message).toMatch(
      new RegExp(
        `^The scenario has ended and left ${name.replace('.', '\\.')} replaced: put back.*vi\\.restoreAllMocks`,
      ),
    );
    expect(look().map((each, at) => each === before[at])).toEqual(before.map(() => true));
    expect(await failureOf(() => passes(10))).toBeUndefined();
    const restore = replace();
    try {
      const { message } = await printedOf(() => passes(10));
      expect(message).toContain(`${name} is not the machine's any more`);
    } finally {
      restore();
    }
    expect(await failureOf(() => passes(10))).toBeUndefined();
  });

  test.for([
    ['Promise', globalThis, 'Promise', class extends Promise<unknown> {}],
    ['Promise.prototype.then', Promise.prototype, 'then', () => undefined],
    ['Math', globalThis, 'Math', Object.create(Math)],
    ['AbortSignal', globalThis, 'AbortSignal', class {}],
    ['Intl', globalThis, 'Intl', Object.create(Intl)],
    ['Atomics', globalThis, 'Atomics', Object.create(Atomics)],
  ] as const)('%s is found and put back', async ([name, owner, key, value]) => {
    const holder = owner as Record<string, unknown>;
    const before = holder[key];
    const failure = await failureOf(() => {
      holder[key] = value;
    });
    const left = holder[key];
    Object.defineProperty(holder, key, {
      value: before,
      writable: true,
      configurable: true,
      enumerable: false,
    });
    expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
    expect(failure?.message).toContain(`left ${name} replaced: put back what was there before`);
    expect(left).toBe(before);
    expect(await failureOf(() => passes(10))).toBeUndefined();
  });

  const globals = ['Promise', 'Math', 'Intl', 'Atomics', 'AbortSignal'] as const;
  const REMOVALS: Readonly<Record<string, (key: string) => void>> = {
    'is deleted': (key) => void Reflect.deleteProperty(globalThis, key),
    'becomes a getter that throws': (key) =>
      void Object.defineProperty(globalThis, key, { ...THROWS, configurable: true }),
    'becomes undefined': (key) => void Reflect.set(globalThis, key, undefined),
  };
  const removed = globals.flatMap((key) => Object.keys(REMOVALS).map((how) => [key, how] as const));
  test.for(removed)('%s that %s is found and put back', async ([key, how]) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, key)!;
    let failure: Failure | undefined;
    let left: PropertyDescriptor | undefined;
    try {
      failure = await failureOf(() => REMOVALS[how]?.(key));
    } finally {
      left = Object.getOwnPropertyDescriptor(globalThis, key);
      Object.defineProperty(globalThis, key, before);
    }
    expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
    expect(failure?.message).toContain(`left ${key} replaced: put back what was there before`);
    expect(left?.value).toBe(before.value);
    expect(await failureOf(() => passes(10))).toBeUndefined();
  });

  describe('process.nextTick and queueMicrotask', () => {
    // In a process without Vitest, which puts its own process.nextTick in place whenever it reports something.
    const code = `
      import { simulate } from 'dryrunner';
      import { ambientTime } from 'dryrunner/ambient';
      const passes = () => new Promise((resolve) => setTimeout(resolve, 10));
      const failureOf = async (scenario, leftovers) =>
        (await simulate({ ambient: ambientTime(), scenario, leftovers })).failure;
      const KEYS = [[process, 'nextTick'], [globalThis, 'queueMicrotask']];
      const WAYS = {
        'a getter': (owner, key) => Object.defineProperty(owner, key, { get: () => () => {} }),
        'a property that is read-only': (owner, key) =>
          Object.defineProperty(owner, key, { value: () => {}, writable: false }),
        'setImmediate': (owner, key) => Object.assign(owner, { [key]: setImmediate }),
        'undefined': (owner, key) => Object.assign(owner, { [key]: undefined }),
        'nothing': (owner, key) => Reflect.deleteProperty(owner, key),
      };
      ambientTime();
      const seen = {};
      for (const [owner, key] of KEYS) {
        for (const [how, replace] of Object.entries(WAYS)) {
          const before = JSON.stringify(describe(owner, key));
          const found = owner[key];
          const failure = await failureOf(() => void replace(owner, key));
          const isBack = owner[key] === found && JSON.stringify(describe(owner, key)) === before;
          seen[key + ' ' + how] = { failure, isBack };
        }
        const wrap = () => {
          const before = owner[key];
          owner[key] = (...args) => before(...args);
          return () => void (owner[key] = before);
        };
        const unwrap = wrap();
        const wrapper = owner[key];
        const wrapped = {};
        wrapped.putBack = await failureOf(async () => {
          const restore = wrap();
          await passes();
          restore();
        });
        wrapped.failure = await failureOf(() => void wrap());
        wrapped.isBack = owner[key] === wrapper;
        wrapped.ignored = await failureOf(() => void wrap(), 'ignore');
        wrapped.isBackIgnored = owner[key] === wrapper;
        unwrap();
        seen[key] = wrapped;
      }
      console.log(JSON.stringify(seen));
      function describe(owner, key) {
        const { value, ...rest } = Object.getOwnPropertyDescriptor(owner, key) ?? {};
        return rest;
      }
    `;
    interface Seen {
      readonly failure?: Failure;
      readonly isBack: boolean;
      readonly putBack?: Failure;
      readonly ignored?: Failure;
      readonly isBackIgnored?: boolean;
    }
    let seen: Readonly<Record<string, Seen>> = {};
    beforeAll(async () => {
      const project = makeUserProject();
      project.write('replaced.mjs', code);
      const { out, err } = await project.node('replaced.mjs');
      project.remove();
      expect(err).toBe('');
      seen = JSON.parse(out) as Record<string, Seen>;
    });

    const names = [
      ['process.nextTick', 'nextTick'],
      ['queueMicrotask', 'queueMicrotask'],
    ] as const;
    const ways = ['a getter', 'a property that is read-only', 'setImmediate', 'undefined', 'nothing'];
    const everyWay = names.flatMap(([name, key]) => ways.map((how) => [name, how, key] as const));
    test.for(everyWay)('%s replaced by %s is left, and put back', ([name, how, key]) => {
      const { failure, isBack } = seen[`${key} ${how}`]!;
      expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
      expect(failure?.message).toContain(`left ${name} replaced: put back what was there before`);
      expect(isBack).toBe(true);
    });

    test.for(names)('%s may be replaced before and meanwhile, and has to be put back', ([name, key]) => {
      const { putBack, failure, isBack, ignored, isBackIgnored } = seen[key]!;
      expect(putBack).toBeUndefined();
      expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
      expect(failure?.message).toContain(`left ${name} replaced: put back what was there before`);
      expect(ignored).toBeUndefined();
      expect({ isBack, isBackIgnored }).toEqual({ isBack: true, isBackIgnored: true });
    });
  });

  test('fake timers before a simTest: what it says to do helps', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const { message } = await printedOf(() => passes(10));
    expect(message).toMatch(/^setTimeout is not the machine's any more.* by vi\.useRealTimers/);
    vi.useRealTimers();
    expect(await failureOf(() => passes(10))).toBeUndefined();
  });
});

test.for(['setTimeout', 'performance'])(
  'a fake %s from before ambient time is refused, and what the message says helps',
  async (name) => {
    const project = makeUserProject();
    const code = `
      import FakeTimers from ${JSON.stringify(import.meta.resolve('@sinonjs/fake-timers'))};
      const fake = FakeTimers.install({ toFake: [${JSON.stringify(name)}] });
      const { ambientTime } = await import('dryrunner/ambient');
      const { simulate } = await import('dryrunner');
      try { ambientTime(); } catch (error) { console.log(error.code, error.message); }
      fake.uninstall();
      const scenario = () => new Promise((resolve) => setTimeout(resolve, 5));
      const { held, virtualMs } = await simulate({ seed: 1, ambient: ambientTime(), scenario });
      console.log(held, virtualMs);
    `;
    project.write('fakes.mjs', code);
    const { out, err } = await project.node('fakes.mjs');
    project.remove();
    const [refusal, after] = out.split('\n');
    expect(err).toBe('');
    expect(refusal).toMatch(new RegExp(`^RUNNER_SIMULATION_MISUSE ${name} is a fake, as vi\\.useFakeTimers`));
    expect(after).toBe('true 5');
  },
);

test('a replacement that cannot be undone is left, and for setTimeout the next simulation is refused', async () => {
  const project = makeUserProject();
  const code = `
    import { ambientTime } from 'dryrunner/ambient';
    import { simulate } from 'dryrunner';
    const fix = (owner, key) => Object.defineProperty(owner, key, { value: () => {}, configurable: false });
    for (const [owner, key] of [[process, 'nextTick'], [globalThis, 'queueMicrotask'], [globalThis, 'setTimeout']]) {
      const { failure } = await simulate({ ambient: ambientTime(), scenario: () => void fix(owner, key) });
      console.log(failure?.message);
    }
    await simulate({ ambient: ambientTime(), scenario: () => {} }).catch(({ message }) => console.log(message));
  `;
  project.write('fixed.mjs', code);
  const { out, err } = await project.node('fixed.mjs');
  project.remove();
  expect(err).toBe('');
  const [ticks, microtasks, timers, refusal] = out.split('\n');
  expect(ticks).toMatch(/^The scenario has ended and left process\.nextTick replaced/);
  expect(microtasks).toMatch(/^The scenario has ended and left queueMicrotask replaced/);
  expect(timers).toMatch(/^The scenario has ended and left setTimeout replaced/);
  expect(refusal).toMatch(/^setTimeout is not the machine's any more/);
});

describe('a second copy of the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dryrunner-copy-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const { home } = hub;
  const { version: ours } = JSON.parse(readProjectFile('package.json')) as { version: string };
  const made = (other: string | undefined): (() => unknown) => {
    return () => {
      Object.assign(hub, { home: other });
      try {
        return ambientTime();
      } finally {
        Object.assign(hub, { home });
      }
    };
  };
  const copyOf = (version: string): string => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ version }));
    return pathToFileURL(`${folder}/`).href;
  };

  test('is fine if it has the same version, and refused with both places if not', () => {
    expect(made(copyOf(ours))).not.toThrow();
    expect(made(copyOf('0.0.1'))).toThrow(
      /^Two versions of dryrunner are loaded: 0\.0\.1 in .*dryrunner-copy-.*, whose stand-ins .*, and \d+\.\d+\.\d+ in .* Have one/,
    );
    expect(made(undefined)).toThrow(/^Two versions of dryrunner are loaded: an older one, whose/);
  });
});

describe('process.exitCode', () => {
  test.for([0, 3])('%i that a scenario leaves is named, and never in force outside of it', async (code) => {
    const before = process.exitCode;
    const seen: unknown[] = [];
    try {
      const failure = await failureOf(async () => {
        process.exitCode = code;
        await import('node:querystring');
        await passes(10);
        seen.push(process.exitCode);
      });
      seen.push(process.exitCode);
      expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
      expect(failure?.message).toContain(`left process.exitCode at ${code}`);
      expect(seen).toEqual([code, before]);
    } finally {
      process.exitCode = before;
    }
  });

  test('nor while Node loads a module for a scenario whose turns are guarded', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dryrunner-'));
    writeFileSync(join(folder, 'late.mjs'), '');
    writeFileSync(join(folder, 'lazy.cjs'), "module.exports = () => import('./late.mjs');");
    const lazy = createRequire(import.meta.url)(join(folder, 'lazy.cjs')) as () => Promise<object>;
    const before = process.exitCode;
    const turns = new GuardedTurns({ now: () => performance.now(), turnMs: 60_000, why: 'late' });
    try {
      const scenario = async (): Promise<void> => {
        process.exitCode = 3;
        await lazy();
        process.exitCode = undefined;
      };
      expect(await failureOf(scenario, turns.options)).toBeUndefined();
      expect(process.exitCode).toBe(before);
    } finally {
      turns.end();
      process.exitCode = before;
      rmSync(folder, { recursive: true });
    }
  });

  test.for([undefined, 0, 3])('what is %s outside changes no verdict', async (outside) => {
    const before = process.exitCode;
    process.exitCode = outside;
    try {
      const seen: unknown[] = [];
      const failure = await failureOf(() => {
        seen.push(process.exitCode);
        process.exitCode = 3;
      });
      expect(seen).toEqual([undefined]);
      expect(failure?.message).toContain('left process.exitCode at 3');
      expect(await failureOf(() => passes(10))).toBeUndefined();
      expect(process.exitCode).toBe(outside);
    } finally {
      process.exitCode = before;
    }
  });

  test('one that is put back is fine', async () => {
    const before = process.exitCode;
    const failure = await failureOf(async () => {
      process.exitCode = 3;
      await passes(10);
      process.exitCode = before;
    });
    expect(failure).toBeUndefined();
  });
});

describe('what else of the process a scenario leaves', () => {
  const NAME = 'DRYRUNNER_OF_A_TEST';
  const nowOf = (): string | undefined => process.env[NAME];
  const set = (value: string): void => {
    process.env[NAME] = value;
  };
  afterEach(() => {
    Reflect.deleteProperty(process.env, NAME);
  });

  test.for<[string, string | undefined, () => void]>([
    ['is set', undefined, () => set('new')],
    [
      'is defined',
      undefined,
      () =>
        void Object.defineProperty(process.env, NAME, {
          ...{ value: 'new', writable: true, enumerable: true, configurable: true },
        }),
    ],
    ['is changed', 'old', () => set('new')],
    ['is deleted', 'old', () => void Reflect.deleteProperty(process.env, NAME)],
  ])('a variable that %s is named with the line, and as it was', async ([, before, change]) => {
    if (before !== undefined) set(before);
    const env = process.env;
    const failure = await failureOf(async () => {
      await passes(10);
      change();
      await passes(10);
    });
    expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
    expect(failure?.message).toContain(`left process.env.${NAME} changed: put back`);
    expect(failure?.details.join('\n')).toMatch(HERE);
    expect([nowOf(), process.env]).toEqual([before, env]);
    expect(process.env).toBe(env);
  });

  test('a variable is as it was also where leftovers are allowed, and after a failure', async () => {
    const ended = await failureOf(() => set('new'), { leftovers: 'ignore' });
    expect([ended, nowOf()]).toEqual([undefined, undefined]);
    const failed = await failureOf(() => {
      set('new');
      throw new Error('bad');
    });
    expect([failed?.message, nowOf()]).toEqual(['bad', undefined]);
  });

  test('variables that are put back are fine', async () => {
    set('old');
    const failure = await failureOf(async () => {
      set('new');
      vi.stubEnv('DRYRUNNER_STUBBED', 'new');
      await passes(10);
      expect(nowOf()).toBe('new');
      vi.unstubAllEnvs();
      set('old');
    });
    expect(failure).toBeUndefined();
  });

  test('another environment is named, and never in force outside', async () => {
    const { env } = process;
    let kept = env;
    const failure = await failureOf(async () => {
      kept = process.env;
      process.env = { [NAME]: 'new' };
      await passes(10);
      expect(nowOf()).toBe('new');
    });
    expect(failure?.message).toContain('left process.env replaced: put back');
    expect(process.env).toBe(env);
    // Code may keep what it finds, and put it back where nothing runs.
    process.env = kept;
    try {
      const back = await failureOf(async () => {
        const before = process.env;
        process.env = {};
        await passes(10);
        process.env = before;
      });
      expect(back).toBeUndefined();
      expect(process.env).toBe(kept);
    } finally {
      process.env = env;
    }
  });

  test.for(['set', 'deleted'])('how stacks are shown, if that is %s', async (how) => {
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    const show = (): string => 'shown';
    if (how === 'deleted') Error.prepareStackTrace = show;
    const found = Error.prepareStackTrace as unknown;
    try {
      const failure = await failureOf(() => {
        if (how === 'set') Error.prepareStackTrace = show;
        else Reflect.deleteProperty(Error, 'prepareStackTrace');
      });
      expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
      expect(failure?.message).toContain('left Error.prepareStackTrace replaced: put back');
      expect(Error.prepareStackTrace).toBe(found);
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
      if (before !== undefined) Object.defineProperty(Error, 'prepareStackTrace', before);
    }
  });
});

describe('what is left, and what never ends', () => {
  test('a simulation inside another one is refused with the line', async () => {
    const failure = await failureOf(async () => {
      await passes(1);
      await simulate({ ambient: ambientTime(), scenario: () => undefined });
    });
    expect(failure?.message).toMatch(/^A simulation was started inside another one/);
    expect((failure?.cause as Error).stack).toMatch(HERE);
  });

  test('so is one whose refusal the scenario catches', async () => {
    const failure = await failureOf(async () => {
      await simulate({ scenario: () => undefined }).catch(() => undefined);
      await passes(1);
    });
    expect(failure?.message).toMatch(/^A simulation was started inside another one/);
    expect((failure?.cause as Error).stack).toMatch(HERE);
  });

  test('a forgotten await is left with its line', async () => {
    const failure = await failureOf(() => void passes(10));
    expect(failure).toMatchObject({
      kind: 'leftovers',
      message: 'The scenario has ended and left 1 timeout',
    });
    expect(failure?.details[0]).toMatch(HERE);
  });

  test('so is an interval that nobody clears', async () => {
    const failure = await failureOf(async () => {
      setInterval(() => undefined, 10);
      await passes(25);
    });
    expect(failure?.kind).toBe('leftovers');
    expect(failure?.details[0]).toMatch(/^interval, due at 30 ms\nat .*bad-input/);
  });

  test('an interval without an end is named by its line while the scenario waits', async () => {
    const failure = await failureOf(
      async () => {
        setInterval(() => undefined, 10);
        await new Promise(() => {});
      },
      { stallLookEvery: 256 },
    );
    expect(failure?.kind).toBe('stall');
    expect(failure?.details).toContain('repeats: setInterval, every 10 ms');
    expect(failure?.details.at(-1)).toMatch(/^interval, due at \d+ ms\nat .*bad-input/);
  });

  test('a chain of promises runs to its end before the scenario is judged', async () => {
    let hops = 0;
    const chain = async (): Promise<void> => {
      for (; hops < 50; hops += 1) await Promise.resolve();
    };
    expect(await failureOf(() => void chain())).toBeUndefined();
    expect(hops).toBe(50);
  });

  test('ticks that ask for ticks run to their end', async () => {
    let ticks = 0;
    const tick = (max: number): void => {
      ticks += 1;
      if (ticks < max) process.nextTick(tick, max);
    };
    expect(await failureOf(() => tick(1_000))).toBeUndefined();
    expect(ticks).toBe(1_000);
  });

  test.for(DRAINS)('ticks that ask for ticks without an end fail, with the line (%s)', async (drain) => {
    let calls = 0;
    const tick = (): void => {
      calls += 1;
      if (calls < ROUNDS_MAX) process.nextTick(tick);
    };
    const endless = async (): Promise<void> => {
      calls = 0;
      await passes(5);
      tick();
      await passes(5);
    };
    const failure = await failureOf(endless, { drain, ambient: ambientTime({ maxTicks: 1_000 }) });
    expect(failure).toMatchObject({
      kind: 'error',
      atMs: 5,
      message: expect.stringMatching(
        /^A loop without an end: process\.nextTick is called .*bad-input\.test\.ts:\d+.* more than 1,000 times in one event/,
      ) as string,
    });
    expect(isRunnerError(failure?.cause, 'RUNNER_ENDLESS_TICKS')).toBe(true);
    expect(calls).toBe(1_001);
    expect((await printedOf(endless, 400_000)).message).toMatch(
      /A loop without an end: process\.nextTick .* 1,000,000 times/,
    );
  });

  const queueing: readonly (readonly [name: string, queue: (callback: () => void) => unknown])[] = [
    ['setTimeout', (callback) => setTimeout(callback, 0)],
    ['setInterval', (callback) => setInterval(callback, 5)],
    ['setImmediate', (callback) => setImmediate(callback)],
    ['queueMicrotask', (callback) => queueMicrotask(callback)],
  ];
  test.for(queueing)('%s without an end fails, with the line', async ([name, queue]) => {
    let calls = 0;
    const endless = async (): Promise<void> => {
      await passes(5);
      for (; calls < ROUNDS_MAX; calls += 1) queue(() => undefined);
    };
    const failure = await failureOf(endless, { ambient: ambientTime({ maxTicks: 1_000 }) });
    expect(failure).toMatchObject({ kind: 'error', atMs: 5 });
    expect(failure?.message).toMatch(
      new RegExp(
        `^A loop without an end: ${name} is called .*bad-input\\.test\\.ts:\\d+.* more than 1,000 times in one event`,
      ),
    );
    expect(calls).toBe(1_000);
  });

  test('microtasks that ask for microtasks without an end fail, and Node survives it', async () => {
    let rounds = 0;
    const again = (): void => {
      rounds += 1;
      if (rounds < ROUNDS_MAX) queueMicrotask(again);
    };
    const ambient = ambientTime({ maxTicks: 1_000 });
    const failure = await failureOf(
      async () => {
        for (let timer = 0; timer < 500; timer += 1) setTimeout(() => undefined, 1);
        again();
        await passes(5);
      },
      { ambient },
    );
    expect(failure?.message).toMatch(
      /A loop without an end: queueMicrotask is called in again .* 1,000 times/,
    );
  });

  test('100,000 timers of one event are many, one more is a loop', async () => {
    const timers = async (count: number): Promise<void> => {
      for (let timer = 0; timer < count; timer += 1) setTimeout(() => undefined, 1);
      await passes(2);
    };
    expect(await failureOf(() => timers(99_999))).toBeUndefined();
    expect(await failureOf(() => timers(100_001))).toMatchObject({ kind: 'error', atMs: 0 });
  });

  test('ticks are counted for each event alone, and a caught error counts', async () => {
    const tick = (left: number): void => {
      if (left > 0) process.nextTick(tick, left - 1);
    };
    const ambient = ambientTime({ maxTicks: 100 });
    const inEvents = async (ticks: number): Promise<void> => {
      for (let event = 0; event < 3; event += 1) {
        tick(ticks);
        await passes(1);
      }
    };
    expect(await failureOf(() => inEvents(100), { ambient })).toBeUndefined();
    expect(await failureOf(() => inEvents(101), { ambient })).toMatchObject({ kind: 'error', atMs: 0 });
    const caught = await failureOf(
      async () => {
        for (let call = 0; call <= 101; call += 1) {
          try {
            process.nextTick(() => undefined);
          } catch {
            // Goes on.
          }
        }
        await passes(1);
      },
      { ambient },
    );
    expect(caught).toMatchObject({ kind: 'error', atMs: 0 });
  });
});
