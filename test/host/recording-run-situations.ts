// Situations of single runs up to the start of their process: ends, aborts, deadlines, checkouts, memory.
import { ExitCodeError } from '../../src/model/exit-code.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import {
  abortIn,
  all,
  deadlineIn,
  inPhase,
  LONG,
  ok,
  sh,
  snapshot,
  type Situations,
} from './recording-acts.ts';
import { ends, filerOf, Gate, heldBy, outputsAround, type Stage, withFiler } from './recording-stage.ts';

/** By name. */
export const RUN_SITUATIONS: Situations = {
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
};
