// The property of any runner, on the machine: real commands, real time.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NeverReachedError } from '../../src/check/required-reach.ts';
import {
  assertRunnerProperty,
  runnerProperty,
  type RunnerPropertyOptions,
} from '../../src/check/runner-property.ts';
import { shellCommand } from '../../src/check/shell-command.ts';
import { createExecRunner, type ExecRunner } from '../../src/host/exec-runner.ts';
import { createOsExecer } from '../../src/host/process/os-execer.ts';
import { realWorld } from '../../src/host/real-world.ts';
import type { Execer, ProcessStatus } from '../../src/model/execer.ts';
import type { World } from '../../src/model/world.ts';
import { REACH_KINDS } from '../../src/oracles/reach-kinds.ts';

const GRACES = { graceMs: 50, drainGraceMs: 50 };

const exec: RunnerPropertyOptions<ExecRunner> = {
  wallWorld: () => realWorld(),
  capacity: 3,
  create: (world) => createExecRunner({ world, capacity: 3, history: 0, ...GRACES }),
  readOutput: (_runner, ref) => readFile(decodeURI(new URL(ref).pathname), 'utf8'),
  dispose: (runner) => runner.outputs.dispose(),
};

/** S5: what it runs does not end as it should. */
function offByOne(world: World): Execer {
  const execer = createOsExecer({ clock: world.clock, ...GRACES });
  return {
    cancelBoundMs: execer.cancelBoundMs,
    async exec(command) {
      const process = await execer.exec(command);
      const wait = async (): Promise<ProcessStatus> => {
        const status = await process.wait();
        return status.state === 'COMPLETE' ? { ...status, exitCode: status.exitCode + 1 } : status;
      };
      return { wait, abort: () => process.abort() };
    },
  };
}

/** Without timeouts and releases what it does in a sequence depends on no machine's speed. */
const broken: RunnerPropertyOptions<ExecRunner> = {
  ...exec,
  maxTimeoutMs: 0,
  mayRelease: false,
  create: (world) => createExecRunner({ world, capacity: 3, history: 0, execer: offByOne(world) }),
};

describe('a property of the exec runner', () => {
  test('R200 R110 R97 holds, and has reached every kind of end, abort, wait and release', async () => {
    const reach = await assertRunnerProperty(exec, { seed: 1, numRuns: 40 });
    expect(reach.missed(REACH_KINDS)).toEqual(['injected fault']);
  });

  test('R153 holds when replies get lost', async () => {
    const property = runnerProperty({ ...exec, faults: ['before', 'after'] });
    await fc.assert(property, { seed: 2, numRuns: 15 });
    expect(property.reach.times('injected fault')).toBeGreaterThan(0);
  });

  test('R110 finds an execer that adds 1 to each exit code within 60 runs', async () => {
    const found = await fc.check(runnerProperty(broken), { seed: 3, numRuns: 60 });
    expect(String(found.errorInstance)).toMatch(/^ContractBrokenError: R110: run .* ended as COMPLETE/);
    expect(found.numRuns).toBeLessThanOrEqual(60);
    const [[commands]] = found.counterexample ?? [[[]]];
    expect(commands.length).toBeLessThanOrEqual(3);
    const path = found.counterexamplePath ?? '';
    const again = await fc.check(runnerProperty(broken), { seed: 3, path, endOnFailure: true });
    expect(again.failed).toBe(true);
    expect(again.counterexample?.[0].map(String)).toEqual([commands].map(String));
  });

  test('names what was never reached', async () => {
    const short = { ...exec, maxCommands: 1, reachWithin: 10 };
    const { errorInstance } = await fc.check(runnerProperty(short), { seed: 5, numRuns: 10 });
    expect(errorInstance).toBeInstanceOf(NeverReachedError);
    expect((errorInstance as NeverReachedError).missed).toContain('abort of a queued run');
  });

  test('fails when a sequence does not end, and releases the runner', async () => {
    let released = 0;
    const silent: RunnerPropertyOptions<ExecRunner> = {
      ...exec,
      cutOffMs: 300,
      create(world) {
        const runner = createExecRunner({ world, capacity: 3, history: 0, ...GRACES });
        runner.statusAll = () => new Promise(() => {});
        const release = runner.release.bind(runner);
        runner.release = () => {
          released += 1;
          return release();
        };
        return runner;
      },
    };
    const { errorInstance } = await fc.check(runnerProperty(silent), {
      seed: 1,
      numRuns: 5,
      endOnFailure: true,
    });
    expect(String(errorInstance)).toContain('R200: the sequence has not ended after 300 ms');
    expect(released).toBeGreaterThan(0);
  });

  describe('releases and disposes of the runner after each sequence', () => {
    /** What a sequence without commands throws, and how often its runner was disposed of. */
    const failure = async (
      change: (runner: ExecRunner) => void,
      disposed: () => void = () => undefined,
    ): Promise<{ error: unknown; disposals: number }> => {
      let disposals = 0;
      const property = runnerProperty({
        ...exec,
        cutOffMs: 2_000,
        maxCommands: 0,
        create(world) {
          const runner = createExecRunner({ world, capacity: 3, history: 0, ...GRACES });
          change(runner);
          return runner;
        },
        async dispose(runner) {
          disposals += 1;
          await runner.outputs.dispose();
          disposed();
        },
      });
      const { errorInstance } = await fc.check(property, { seed: 1, numRuns: 1, endOnFailure: true });
      return { error: errorInstance, disposals };
    };
    const reason = new Error('the sequence is broken');
    const rejecting = (text: string) => () => Promise.reject(new Error(text));
    const silent = (): Promise<never> => new Promise(() => {});
    /** The sequence breaks at its very end, after its own release. */
    const breaksTheSequence = (runner: ExecRunner): void => {
      runner.queryNow = () => Promise.reject(reason);
    };
    /** The sequence releases the runner as ever; the release after the sequence is `again`. */
    const releasedAgain = (runner: ExecRunner, again: () => Promise<void>): void => {
      const release = runner.release.bind(runner);
      let times = 0;
      runner.release = () => {
        times += 1;
        return times === 1 ? release() : again();
      };
    };

    test.for<[string, () => Promise<void>]>([
      ['rejects', rejecting('the release is broken')],
      ['does not end', silent],
      [
        'throws',
        () => {
          throw new Error('the release is broken');
        },
      ],
    ])('a failure of the sequence stays the reason if the release %s', async ([, again]) => {
      const { error, disposals } = await failure((runner) => {
        breaksTheSequence(runner);
        releasedAgain(runner, again);
      });
      expect([error, disposals]).toEqual([reason, 1]);
    });

    test('and so it does if the disposal fails', async () => {
      const { error, disposals } = await failure(breaksTheSequence, () => {
        throw new Error('the disposal is broken');
      });
      expect([error, disposals]).toEqual([reason, 1]);
    });

    test('a release that fails after a sequence that holds is the reason', async () => {
      const { error, disposals } = await failure((runner) =>
        releasedAgain(runner, rejecting('the release is broken')),
      );
      expect([String(error), disposals]).toEqual(['Error: the release is broken', 1]);
    });

    test('R200 one that does not end is a broken rule, with its text', async () => {
      const { error, disposals } = await failure((runner) => releasedAgain(runner, silent));
      expect([String(error), disposals]).toEqual([
        expect.stringMatching(
          /^ContractBrokenError: R200: the release has not ended after 2000 ms\n {2}What the contract says\n {4}R200 /,
        ),
        1,
      ]);
    });

    test('a disposal that fails after that is the reason', async () => {
      const { error } = await failure(
        () => undefined,
        () => {
          throw new Error('the disposal is broken');
        },
      );
      expect(String(error)).toBe('Error: the disposal is broken');
    });
  });

  test('wrong options are refused', () => {
    expect(() => runnerProperty({ ...exec, wallWorld: 7 as never })).toThrow(
      /^wallWorld: expected a function/,
    );
    expect(() => runnerProperty({ ...exec, cutOffMs: -1 })).toThrow(/^cutOffMs: expected/);
  });
});

describe('a script as a shell command', () => {
  const of = (...argv: string[]) => shellCommand({ argv, tag: 'a', timeoutMs: 5 });

  test('has its texts as arguments, and everything else as it was', () => {
    const text = `it's "$1" \\ %s`;
    expect(of('sleep 20', `stdout ${text}`, 'ignore-term', 'stderr x', 'complete 3')).toEqual({
      command: {
        argv: [
          'sh',
          '-c',
          'sleep 0.02\nprintf %s "${1}"\ntrap \'\' TERM\nprintf %s "${2}" >&2\nexit 3',
          'sh',
          text,
          'x',
        ],
        tag: 'a',
        timeoutMs: 5,
      },
      end: { state: 'COMPLETE', exitCode: 3, stdout: text, stderr: 'x' },
    });
  });

  test.for([
    [255, 255],
    [256, 0],
    [300, 44],
    [-1, 255],
    [-300, 212],
  ] as const)(
    'has the code of complete %i of which a machine keeps eight bits, %i',
    ([exitCode, expected]) => {
      const { command, end } = of(`complete ${exitCode}`);
      const [program = '', ...args] = command.argv;
      expect([end?.exitCode, spawnSync(program, args).status]).toEqual([expected, expected]);
    },
  );

  test('that dies of a signal has no exit code', () => {
    expect(of('signal SIGKILL').end).toMatchObject({ state: 'COMPLETE', exitCode: -1, signal: 'SIGKILL' });
  });

  test('that hangs has no end, and one that is lost cannot be started', () => {
    expect(of('hang').end).toBeUndefined();
    expect(of('stdout x', 'fail 7 lost')).toMatchObject({
      command: { argv: ['/nonexistent/program'], tag: 'a' },
      end: { state: 'FAILED', exitCode: 240, stdout: '' },
    });
  });
});
