import { createInterceptExecer } from '../../src/execers/intercept-execer.ts';
import { createErrorExecer } from '../../src/execers/error-execer.ts';
import { createPlaybackExecer } from '../../src/execers/playback-execer.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import type { SimStep } from '../../src/execers/sim-step.ts';
import { simScript, simStep } from '../../src/execers/sim-step.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { RecordedChunk, RecordedRun } from '../../src/model/recording.ts';
import type { ExecerUnderTest } from '../../src/conformance/execer-cases.ts';
import { EXECER_GRACE_MS, EXECER_LONG_MS } from '../../src/conformance/execer-cases.ts';
import { describeExecer } from './execer-contract.ts';
import { fireFor } from './sim-world.ts';

/** Time on a virtual clock: jumps from event to event until the result is there. */
function timeOf(clock: VirtualClock): Pick<ExecerUnderTest, 'settled' | 'pass'> {
  const turn = async (): Promise<void> => {
    for (let reaction = 0; reaction < 20; reaction++) await Promise.resolve();
  };
  return {
    async settled<T>(result: MaybePromise<T>): Promise<T> {
      const box: { value?: T } = {};
      void Promise.resolve(result).then((value) => {
        box.value = value;
      });
      for (await turn(); !('value' in box); await turn()) {
        if (!clock.step()) throw new Error('nothing is left to happen, and the result is not there');
      }
      return box.value;
    },
    async pass(ms) {
      await turn();
      fireFor(clock, ms);
      await turn();
    },
  };
}

const commandOf = (steps: readonly SimStep[]) => ({ argv: simScript(...steps) });

describeExecer('the sim execer', () => {
  const clock = createVirtualClock();
  const execer = createSimExecer({ clock, graceMs: EXECER_GRACE_MS });
  const unstartable = { argv: ['explode'] };
  return { ...timeOf(clock), execer, commandOf, unstartable, living: () => execer.livingProcesses };
});

describeExecer('the intercept execer', () => {
  const clock = createVirtualClock();
  const sim = createSimExecer({ clock, graceMs: EXECER_GRACE_MS });
  const execer = createInterceptExecer({
    interceptor: sim,
    fallback: createErrorExecer(new Error('not simulated')),
  });
  const marked = (steps: readonly SimStep[]) => commandOf([simStep.comment('! sim execer'), ...steps]);
  return {
    ...{ ...timeOf(clock), execer, living: () => sim.livingProcesses },
    ...{ commandOf: marked, unstartable: commandOf([]) },
  };
});

/** The recording that a run of these steps would have left. */
function recordingOf(steps: readonly SimStep[]): RecordedRun {
  let atMs = 0;
  let exitCode = 0;
  const output: RecordedChunk[] = [];
  for (const step of steps) {
    if (step.op === 'sleep') atMs += step.ms;
    if (step.op === 'stdout' || step.op === 'stderr') output.push({ atMs, stream: step.op, text: step.text });
    if (step.op === 'complete') ({ exitCode } = step);
  }
  const running = { atMs: 0, state: 'RUNNING', exitCode: 0, error: '' } as const;
  const end = atMs >= EXECER_LONG_MS ? [] : [{ atMs, state: 'COMPLETE', exitCode, error: '' } as const];
  return { runId: '0', command: commandOf(steps), acceptedAtMs: 0, statuses: [running, ...end], output };
}

const notRecorded = 'a recording does not say so';

describeExecer(
  'the playback execer',
  () => {
    const clock = createVirtualClock();
    let recording: RecordedRun | undefined;
    const execer = createPlaybackExecer({ clock, graceMs: EXECER_GRACE_MS, recordingOf: () => recording });
    const recorded = (steps: readonly SimStep[]) => {
      recording = recordingOf(steps);
      return commandOf(steps);
    };
    return {
      ...{ ...timeOf(clock), execer, living: () => execer.livingProcesses },
      ...{ commandOf: recorded, unstartable: { argv: [] } },
    };
  },
  {
    signal: notRecorded,
    'ignore-term': notRecorded,
    hang: notRecorded,
    fork: notRecorded,
    orphan: notRecorded,
  },
);
