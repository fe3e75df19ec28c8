// Situations in which real runners are recorded: each says what it does and how its runs must have ended.
import { createOsExecer } from '../../src/host/os-execer.ts';
import type { LogUploader, Processor } from '../../src/model/collaborators.ts';
import type { Execer, Process } from '../../src/model/execer.ts';
import { ExitCodeError } from '../../src/model/exit-code.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import {
  ends,
  failingTempDirs,
  filerOf,
  Gate,
  heldBy,
  outputsAround,
  type Stage,
  withFiler,
} from './recording-stage.ts';

/** Acts on a stage and gives the ends of the runs. */
export type Situation = (stage: Stage) => Promise<readonly string[]>;

const sh = (script: string): { argv: string[] } => ({ argv: ['sh', '-c', script] });
const LONG = { argv: ['sleep', '100'] };
const ok = { argv: ['true'] };
const snapshot = { argv: ['true'], snapshotId: 's' };
const noop = (): void => undefined;

const uploader = (
  upload: LogUploader['upload'],
  more: Partial<LogUploader> = {},
): { uploader: LogUploader } => ({ uploader: { cancelBoundMs: 5_000, upload, ...more } });

const processor = (process: Processor['process'], cancelBoundMs = 5_000): Processor => ({
  name: 'helper',
  cancelBoundMs,
  process,
});

/** An execer around the real one. */
function execerAround(
  stage: Stage,
  around: {
    readonly before?: () => Promise<void>;
    readonly process?: (process: Process) => Process;
  },
): { execer: Execer } {
  const os = createOsExecer({ clock: stage.world.clock, graceMs: 300, drainGraceMs: 100 });
  return {
    execer: {
      cancelBoundMs: os.cancelBoundMs,
      exec: async (command) => {
        await around.before?.();
        const process = await os.exec(command);
        return around.process?.(process) ?? process;
      },
    },
  };
}

/** Runs one command and acts once it is in `phase`. */
async function inPhase(
  stage: Stage,
  phase: string,
  command: { argv: string[]; snapshotId?: string; timeoutMs?: number },
  options: Parameters<Stage['runner']>[0],
  act: (runner: ReturnType<Stage['runner']>, runId: string) => Promise<unknown> | void,
): Promise<readonly string[]> {
  const runner = stage.runner(options);
  const reached = stage.phase(phase);
  const { runId } = await runner.run(command);
  // On a busy machine a deadline may pass before its phase is reached.
  await Promise.race([reached, finalStatus(runner, runId)]);
  await act(runner, runId);
  await finalStatus(runner, runId);
  return ends(runner);
}

/** Aborts in a phase that is held by a gate, which opens once the abort was made unless the collaborator honours it. */
function abortIn(
  phase: string,
  make: (stage: Stage, gate: Gate) => Parameters<Stage['runner']>[0],
  command = ok,
): Situation {
  return (stage) => {
    const gate = new Gate();
    return inPhase(stage, phase, command, make(stage, gate), async (runner, runId) => {
      const aborted = runner.abort(runId);
      gate.open();
      await aborted;
    });
  };
}

/** A deadline that passes while a phase is held; the gate opens after it. */
function deadlineIn(
  phase: string,
  make: (stage: Stage, gate: Gate) => Parameters<Stage['runner']>[0],
  command: { argv: string[]; snapshotId?: string } = ok,
  timeoutMs = 1,
): Situation {
  return (stage) => {
    const gate = new Gate();
    return inPhase(stage, phase, { ...command, timeoutMs }, make(stage, gate), async () => {
      await stage.pause(timeoutMs + 10);
      gate.open();
    });
  };
}

async function all(runner: ReturnType<Stage['runner']>, commands: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (const command of commands) ids.push((await runner.run(command as { argv: string[] })).runId);
  for (const id of ids) await finalStatus(runner, id);
  return ends(runner);
}

/** A pool of two under one scheduler, each with a queue, twenty commands, and aborts at many moments. */
async function pool(stage: Stage): Promise<readonly string[]> {
  const runners = [stage.runner({ name: 'one' }), stage.runner({ name: 'two' })];
  const runs: Promise<unknown>[] = [];
  for (let index = 0; index < 20; index++) {
    const runner = runners[index % 2] as (typeof runners)[number];
    const { runId } = await runner.run(sh(`echo ${index}; sleep 0.0${index % 5}; exit ${index % 7}`));
    runs.push(finalStatus(runner, runId));
    if (index % 6 === 5) runs.push(runner.abort(runId));
    if (index % 6 === 2) runs.push(stage.pause(index * 7).then(() => runner.abort(runId)));
  }
  await Promise.all(runs);
  return [];
}

/** The situations by name. `[]` for ends that depend on the machine. */
export const SITUATIONS: Readonly<Record<string, readonly [readonly string[], Situation]>> = {
  'commands with exit codes': [
    ['COMPLETE', 'COMPLETE 3', 'COMPLETE 250'],
    (stage) => all(stage.runner(), [ok, sh('exit 3'), sh('exit 250')]),
  ],
  'output on both streams, also bytes that are not text': [
    ['COMPLETE'],
    (stage) =>
      all(stage.runner(), [
        sh('echo out; printf "\\303"; sleep 0.01; printf "\\251 \\377\\n" >&2; echo end'),
      ]),
  ],
  'a command killed by a signal': [['COMPLETE -1'], (stage) => all(stage.runner(), [sh('kill -KILL $$')])],
  'no such program': [
    ['FAILED 240', 'COMPLETE'],
    (stage) => all(stage.runner(), [{ argv: ['/no/such/program'] }, ok]),
  ],
  'a deadline while the command runs': [
    ['TIMEDOUT'],
    (stage) => all(stage.runner(), [{ ...sh('echo begun; sleep 100'), timeoutMs: 60 }]),
  ],
  'an abort while the command runs': [
    ['ABORTED'],
    (stage) => inPhase(stage, 'wait', LONG, {}, (runner, id) => runner.abort(id)),
  ],
  'an abort of a command that does not heed SIGTERM': [
    ['ABORTED'],
    (stage) =>
      inPhase(
        stage,
        'wait',
        sh('trap "" TERM; echo deaf; sleep 100 & wait; sleep 100'),
        {},
        async (runner, id) => {
          await stage.pause(50);
          await runner.abort(id);
        },
      ),
  ],
  'an abort of a queued run': [
    ['COMPLETE', 'ABORTED', 'COMPLETE'],
    async (stage) => {
      const runner = stage.runner();
      const { runId: first } = await runner.run(sh('sleep 0.03'));
      const { runId: second } = await runner.run(ok);
      const { runId: third } = await runner.run(ok);
      await stage.phase('wait');
      await runner.abort(second);
      await finalStatus(runner, first);
      await finalStatus(runner, third);
      return ends(runner);
    },
  ],
  'an abort before the run starts': [
    ['ABORTED'],
    async (stage) => {
      const runner = stage.runner();
      const { runId } = await runner.run(ok);
      await runner.abort(runId);
      return ends(runner);
    },
  ],
  'an abort in the turn in which the temporary directory is asked for': [
    ['ABORTED'],
    (stage) => inPhase(stage, 'checkout', ok, {}, (runner, id) => runner.abort(id)),
  ],
  'an abort in checkout': [
    ['ABORTED'],
    abortIn('checkout', (_, gate) => withFiler(filerOf((__, cancel) => heldBy(gate, cancel))), snapshot),
  ],
  'an abort in a checkout that honours it': [
    ['ABORTED'],
    (stage) =>
      inPhase(
        stage,
        'checkout',
        snapshot,
        withFiler(filerOf((_, cancel) => heldBy(new Gate(), cancel))),
        (runner, id) => runner.abort(id),
      ),
  ],
  'an abort in a checkout that does not heed it, and comes too late': [
    ['ABORTED'],
    async (stage) => {
      const gate = new Gate();
      const filer = filerOf((_, cancel) => heldBy(gate, cancel, true), { cancelBoundMs: 20 });
      const found = await inPhase(stage, 'checkout', snapshot, withFiler(filer), (runner, id) =>
        runner.abort(id),
      );
      gate.open();
      await stage.pause(10);
      return found;
    },
  ],
  'a deadline in checkout': [
    ['TIMEDOUT'],
    deadlineIn('checkout', (_, gate) => withFiler(filerOf((__, cancel) => heldBy(gate, cancel))), snapshot),
  ],
  'a deadline in a checkout that does not heed it': [
    ['TIMEDOUT'],
    deadlineIn(
      'checkout',
      (_, gate) => withFiler(filerOf((__, cancel) => heldBy(gate, cancel, true))),
      snapshot,
    ),
  ],
  'a release with queued runs': [
    ['ABORTED', 'ABORTED', 'ABORTED'],
    async (stage) => {
      const runner = stage.runner();
      for (const command of [LONG, ok, ok]) await runner.run(command);
      await stage.phase('wait');
      await Promise.all([runner.release(), runner.release()]);
      return ends(runner);
    },
  ],
  'a release before anything starts, and calls after it': [
    ['ABORTED'],
    async (stage) => {
      const runner = stage.runner();
      const { runId } = await runner.run(ok);
      const released = runner.release();
      await Promise.allSettled([runner.run(ok), runner.abort(runId), released]);
      return ends(runner);
    },
  ],
  'a checkout that fails without a code': [
    ['FAILED 210', 'COMPLETE'],
    (stage) =>
      all(stage.runner(withFiler(filerOf(() => Promise.reject(new Error('no disk'))))), [snapshot, ok]),
  ],
  'a checkout that fails with a code of its own': [
    ['FAILED 211', 'COMPLETE'],
    (stage) =>
      all(stage.runner(withFiler(filerOf(() => Promise.reject(new ExitCodeError(211, 'dirty'))))), [
        snapshot,
        ok,
      ]),
  ],
  'a queue that is drained because the runner is unhealthy': [
    ['FAILED 212', 'FAILED 212', 'FAILED 240', 'FAILED 240'],
    async (stage) => {
      const runner = stage.runner(
        withFiler(filerOf(() => Promise.reject(new ExitCodeError(212, 'no disk')))),
      );
      const found = await all(runner, [snapshot, snapshot, ok, ok]);
      await Promise.allSettled([runner.run(ok)]);
      return found;
    },
  ],
  'memory over the cap at the start': [
    ['FAILED 241', 'FAILED 240'],
    (stage) =>
      all(stage.runner({ memoryCapBytes: 1_000, memoryUsage: () => 5_000 }), [
        sh('echo much; sleep 100'),
        ok,
      ]),
  ],
  'memory that passes the cap later': [
    ['COMPLETE 1'],
    (stage) => {
      let looks = 0;
      const memoryUsage = (): number => (looks++ === 0 ? 1 : 5_000);
      return all(stage.runner({ memoryCapBytes: 1_000, memoryPeriodMs: 5, memoryUsage }), [
        sh('echo more; sleep 100'),
      ]);
    },
  ],
  ...Object.fromEntries(
    ['stdout', 'stderr', 'stdlog'].map((name) => [
      `${name} that cannot be created`,
      [
        ['FAILED 220', 'COMPLETE'],
        (stage: Stage) => {
          let left = 1;
          const options = outputsAround({
            create: (id) => {
              if (id.endsWith(name) && left-- > 0) throw new Error('disk full');
            },
          });
          return all(stage.runner(options), [ok, ok]);
        },
      ] as const,
    ]),
  ),
  'an abort in outputs': [
    ['ABORTED'],
    abortIn('outputs', (_, gate) => outputsAround({ create: () => gate.passed })),
  ],
  'an abort in outputs that come too late': [
    ['ABORTED'],
    async (stage) => {
      const gate = new Gate();
      const options = { ...outputsAround({ create: () => gate.passed }), localBoundMs: 15 };
      const found = await inPhase(stage, 'outputs', ok, options, (runner, id) => runner.abort(id));
      gate.open();
      await stage.pause(15);
      return found;
    },
  ],
  'a deadline in outputs': [
    ['TIMEDOUT'],
    deadlineIn('outputs', (_, gate) => outputsAround({ create: () => gate.passed }), ok, 50),
  ],
  'headers that cannot be written': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner(outputsAround({ output: () => ({ write: () => Promise.reject(new Error('full')) }) })),
        [sh('echo lost; exit 0')],
      ),
  ],
  'outputs that cannot be closed': [
    ['COMPLETE 4'],
    (stage) => {
      const options = outputsAround({
        output: (output) => ({
          close: async () => {
            await output.close();
            throw new Error('late error of the disk');
          },
        }),
      });
      return all(stage.runner(options), [sh('exit 4')]);
    },
  ],
  'a process that is slow to start': [
    ['COMPLETE'],
    (stage) => all(stage.runner(execerAround(stage, { before: () => stage.pause(10) })), [sh('echo late')]),
  ],
  'an abort in exec': [
    ['ABORTED'],
    abortIn('exec', (stage, gate) => execerAround(stage, { before: () => gate.passed }), LONG),
  ],
  'a deadline in exec': [
    ['TIMEDOUT'],
    deadlineIn('exec', (stage, gate) => execerAround(stage, { before: () => gate.passed }), LONG, 100),
  ],
  'a process that cannot be waited for': [
    ['FAILED 250'],
    (stage) =>
      all(
        stage.runner(
          execerAround(stage, {
            process: (process) => ({
              wait: () => Promise.reject(new Error('lost')),
              abort: () => process.abort(),
            }),
          }),
        ),
        [LONG],
      ),
  ],
  'an abort whose kill fails': [
    ['ABORTED'],
    (stage) =>
      inPhase(
        stage,
        'wait',
        sh('sleep 0.05'),
        execerAround(stage, {
          process: (process) => ({
            wait: () => process.wait(),
            abort: () => Promise.reject(new Error('not allowed')),
          }),
        }),
        (runner, id) => runner.abort(id),
      ),
  ],
  'uploads of all logs': [
    ['COMPLETE 2', 'TIMEDOUT'],
    (stage) =>
      all(stage.runner(uploader((name) => Promise.resolve(`https://logs/${name}`))), [
        sh('echo up; exit 2'),
        { ...LONG, timeoutMs: 40 },
      ]),
  ],
  'uploads that fail': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner(
          uploader((name) =>
            name.endsWith('stderr')
              ? Promise.reject(new Error('403'))
              : Promise.resolve(`https://logs/${name}`),
          ),
        ),
        [ok],
      ),
  ],
  'an upload that takes too long': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner(
          uploader((_, __, cancel) => heldBy(new Gate(), cancel).then(() => ''), { uploadBoundMs: 5 }),
        ),
        [ok],
      ),
  ],
  'an abort in upload': [
    ['ABORTED'],
    abortIn('upload', (_, gate) =>
      uploader((__, ___, cancel) => heldBy(gate, cancel).then(() => 'https://x')),
    ),
  ],
  'an abort in an upload that does not heed it': [
    ['ABORTED'],
    async (stage) => {
      const gate = new Gate();
      const options = uploader((_, __, cancel) => heldBy(gate, cancel, true).then(() => 'https://x'), {
        cancelBoundMs: 15,
      });
      const found = await inPhase(stage, 'upload', ok, options, (runner, id) => runner.abort(id));
      gate.open();
      await stage.pause(5);
      return found;
    },
  ],
  'processors that fail': [
    ['COMPLETE'],
    (stage) =>
      all(
        stage.runner({
          preprocessors: [processor(() => Promise.reject(new Error('pre'))), processor(noop)],
          postprocessors: [processor(() => Promise.reject(new Error('post')))],
        }),
        [ok],
      ),
  ],
  'an abort in a preprocessor': [
    ['ABORTED'],
    abortIn('preprocess', (_, gate) => ({
      preprocessors: [processor((__, cancel) => heldBy(gate, cancel))],
    })),
  ],
  'a deadline in a preprocessor': [
    ['TIMEDOUT'],
    deadlineIn('preprocess', (_, gate) => ({
      preprocessors: [processor((__, cancel) => heldBy(gate, cancel))],
    })),
  ],
  'an abort in a postprocessor, too late': [
    ['COMPLETE'],
    abortIn('postprocess', (_, gate) => ({ postprocessors: [processor(() => gate.passed)] })),
  ],
  'a postprocessor that exceeds its bound': [
    ['COMPLETE'],
    async (stage) => {
      const gate = new Gate();
      const options = { postprocessors: [processor(() => gate.passed, 10)] };
      const found = await inPhase(stage, 'postprocess', ok, options, (runner, id) => runner.abort(id));
      gate.open();
      return found;
    },
  ],
  'an abort while logs are closed': [
    ['COMPLETE'],
    abortIn('close', (_, gate) =>
      outputsAround({
        output: (output) => ({
          close: async () => {
            await gate.passed;
            await output.close();
          },
        }),
      }),
    ),
  ],
  'an abort while the checkout is released': [
    ['COMPLETE'],
    abortIn(
      'release',
      (_, gate) => {
        const filer = filerOf(noop);
        return withFiler({ ...filer, checkout: (id) => ({ id, path: '/', release: () => gate.passed }) });
      },
      snapshot,
    ),
  ],
  'no temporary directory': [
    ['FAILED 212'],
    (stage) =>
      all(stage.runner(failingTempDirs('create', new ExitCodeError(212, 'no room for a directory'))), [ok]),
  ],
  'a temporary directory that cannot be removed': [
    ['COMPLETE'],
    (stage) => all(stage.runner(failingTempDirs('release', new Error('busy'))), [ok]),
  ],
  'no filer for the kind of run': [
    ['FAILED 200'],
    (stage) => all(stage.runner(), [{ argv: ['true'], snapshotId: `bz-${'a'.repeat(64)}-5` }]),
  ],
  'an initialization that takes a while, and refuses runs until then': [
    ['COMPLETE'],
    async (stage) => {
      const gate = new Gate();
      const runner = stage.runner(withFiler(filerOf(noop), gate.passed));
      await Promise.allSettled([runner.run(ok)]);
      gate.open();
      await stage.pause(2);
      return all(runner, [snapshot]);
    },
  ],
  'an initialization that fails': [
    [],
    async (stage) => {
      const gate = new Gate();
      const runner = stage.runner(withFiler(filerOf(noop), gate.passed));
      gate.fail(new Error('no store'));
      await stage.pause(2);
      await Promise.allSettled([runner.run(ok)]);
      return ends(runner);
    },
  ],
  'updates of a filer between runs, one of which fails': [
    [],
    async (stage) => {
      let updates = 0;
      const update = async (): Promise<void> => {
        await stage.pause(1);
        if (updates++ === 1) throw new Error('no network');
      };
      const runner = stage.runner(withFiler(filerOf(noop, { updateIntervalMs: 4, update })));
      await all(runner, [snapshot, sh('sleep 0.02'), snapshot, ok]);
      await stage.pause(10);
      return [];
    },
  ],
  'an update that exceeds its limit': [
    [],
    async (stage) => {
      const gate = new Gate();
      const filer = filerOf(noop, { cancelBoundMs: 5, updateIntervalMs: 3, update: () => gate.passed });
      const runner = stage.runner({ ...withFiler(filer), updateLimitMs: 4 });
      await all(runner, [snapshot, ok]);
      await stage.pause(20);
      gate.open();
      await stage.pause(10);
      return [];
    },
  ],
  'aborts of runs that have ended or never were, and many at once': [
    ['COMPLETE', 'ABORTED'],
    async (stage) => {
      const runner = stage.runner();
      const { runId } = await runner.run(ok);
      await finalStatus(runner, runId);
      await Promise.allSettled([runner.abort(runId), runner.abort('no-such-run')]);
      const next = await runner.run(LONG);
      await stage.phase('wait');
      await Promise.all([runner.abort(next.runId), runner.abort(next.runId), runner.abort(next.runId)]);
      return ends(runner);
    },
  ],
  'refusals: no room, no program, no command': [
    ['COMPLETE'],
    async (stage) => {
      const runner = stage.runner({ capacity: 1 });
      const { runId } = await runner.run(sh('sleep 0.02'));
      await Promise.allSettled([runner.run(ok), runner.run({ argv: [] }), runner.run(5 as never)]);
      await finalStatus(runner, runId);
      return ends(runner);
    },
  ],
  'a store that forgets': [
    ['COMPLETE 3', 'COMPLETE 4'],
    (stage) =>
      all(stage.runner({ history: 2 }), [sh('exit 2')]).then(async () => {
        const runner = stage.runner({ name: 'short', history: 2 });
        for (const code of [1, 2, 3, 4]) {
          await finalStatus(runner, (await runner.run(sh(`exit ${code}`))).runId);
        }
        return ends(runner);
      }),
  ],
  'a collaborator that aborts its own run, and a listener that offers another': [
    ['ABORTED', 'COMPLETE'],
    async (stage) => {
      let abort = noop;
      const filer = filerOf(() => undefined);
      const checkout = filer.checkout.bind(filer);
      filer.checkout = (id, cancel) => {
        abort();
        return checkout(id, cancel);
      };
      const runner = stage.runner(withFiler(filer));
      let second: Promise<{ runId: string }> | undefined;
      stage.on(
        (event) => event.type === 'phase' && event.phase === 'release',
        () => {
          second = runner.run(ok);
        },
      );
      const { runId } = await runner.run(snapshot);
      abort = () => void runner.abort(runId);
      await finalStatus(runner, runId);
      const run = await second;
      await finalStatus(runner, run?.runId ?? '');
      return ends(runner);
    },
  ],
  'directories that are measured': [
    ['COMPLETE'],
    (stage) => {
      let kb = 0;
      const sizesKb = async (): Promise<ReadonlyMap<string, number>> => {
        await stage.pause(1);
        if (kb > 5) throw new Error('gone');
        return new Map([['tmp', (kb += 5)]]);
      };
      return all(stage.runner({ dirMonitor: { sizesKb } }), [ok]);
    },
  ],
  'an abort and a deadline and the end of the process, all at about the same time': [
    [],
    async (stage) => {
      const runner = stage.runner();
      for (let index = 0; index < 6; index++) {
        const { runId } = await runner.run({ ...sh('sleep 0.01'), timeoutMs: 12 + index });
        void stage.pause(14).then(() => runner.abort(runId));
        await finalStatus(runner, runId);
      }
      return [];
    },
  ],
  'two runners under one scheduler, twenty commands, with aborts': [[], pool],
  'a recording that ends while a command runs': [
    ['RUNNING', 'PENDING'],
    async (stage) => {
      const runner = stage.runner();
      for (const command of [LONG, ok]) await runner.run(command);
      await stage.phase('wait');
      return ends(runner);
    },
  ],
};
