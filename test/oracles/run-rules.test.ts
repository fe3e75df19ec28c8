import { describe, expect, test } from 'vitest';
import { HandMadeTrace, violationsOf } from './hand-made-trace.ts';

interface TraceCase {
  readonly title: string;
  readonly trace: HandMadeTrace;
}

interface PlantedCase extends TraceCase {
  /** The first thing that is reported. */
  readonly message: string;
  readonly atMs?: number;
}

const trace = (): HandMadeTrace => new HandMadeTrace();
const TIMED = { argv: [], timeoutMs: 5 };

const legal: readonly TraceCase[] = [
  { title: 'R200 R201 R202 R203 R204 R205 R206 a whole run', trace: trace().run('0').release() },
  { title: 'R202 runs one after another', trace: trace().run('0').run('1').evict('0').run('2') },
  { title: 'R200 a run that goes on after the end of the trace', trace: trace().accept('0').start('0') },
  {
    title: 'R202 a run that was aborted in the queue is passed over',
    trace: trace()
      .accept('0')
      .accept('1')
      .abort('0')
      .status('0', 'ABORTED')
      .start('1')
      .cleanUp('1')
      .status('1', 'COMPLETE'),
  },
  {
    title: 'R203 an abort makes ABORTED legal, and so does a release',
    trace: trace()
      .accept('0')
      .start('0')
      .accept('1')
      .abort('0')
      .cleanUp('0')
      .status('0', 'ABORTED')
      .release()
      .status('1', 'ABORTED'),
  },
  { title: 'R203 a timeout makes TIMEDOUT legal', trace: trace().run('0', 'TIMEDOUT', TIMED) },
  {
    title: 'R203 a run that never had a process may be UNKNOWN',
    trace: trace().accept('0').status('0', 'UNKNOWN'),
  },
  {
    title: 'R201 RUNNING may be written again, and refs may be replaced',
    trace: trace()
      .accept('0')
      .start('0')
      .status('0', 'RUNNING', { stdoutRef: 'url' })
      .cleanUp('0')
      .status('0', 'FAILED'),
  },
  {
    title: 'R204 R205 what was given up at its bound may come later and be released',
    trace: trace()
      .accept('0')
      .phase('0', 'checkout')
      .abort('0')
      .wait(9)
      .abandon('0', 'checkout')
      .status('0', 'ABORTED')
      .wait(9)
      .acquire('0', 'checkout')
      .free('0', 'checkout'),
  },
  {
    title: 'R204 R205 what was given up while it was held may come back later, or never',
    trace: trace()
      .accept('0')
      .start('0')
      .abandon('0', 'process')
      .free('0', 'output')
      .abandon('0', 'checkout')
      .status('0', 'COMPLETE')
      .free('0', 'process'),
  },
  {
    title: 'R204 R205 what was given up may come while the run is being cleaned up',
    trace: trace()
      .accept('0')
      .phase('0', 'checkout')
      .abandon('0', 'checkout')
      .phase('0', 'postprocess')
      .acquire('0', 'checkout')
      .status('0', 'FAILED')
      .free('0', 'checkout'),
  },
  {
    title: 'R204 a process that was given up may start late and be stopped after the end',
    trace: trace()
      .accept('0')
      .abandon('0', 'process')
      .acquire('0', 'process')
      .status('0', 'FAILED')
      .wait(9)
      .free('0', 'process'),
  },
  {
    title: 'R205 a checkout that was given up may come during an update',
    trace: trace()
      .accept('0')
      .abandon('0', 'checkout')
      .status('0', 'FAILED')
      .acquire('', 'update')
      .acquire('0', 'checkout')
      .free('0', 'checkout')
      .free('', 'update'),
  },
  {
    title: 'R204 waiters belong to callers',
    trace: trace().acquire('0', 'waiter').run('0').acquire('0', 'waiter').free('0', 'waiter'),
  },
  {
    title: 'R205 updates between runs, failed and given up ones too',
    trace: trace()
      .acquire('', 'update')
      .free('', 'update')
      .run('0')
      .acquire('', 'update')
      .abandon('', 'update')
      .run('1'),
  },
  {
    title: 'R208 the gauge follows the active run, and counters grow',
    trace: trace()
      .metric('runningTask', 0)
      .accept('0')
      .accept('1')
      .metric('runningTask', 1)
      .start('0')
      .metric('workerDownloads', 1)
      .metric('workerDownloads', 2)
      .metric('memory', 7)
      .metric('memory', 3)
      .abort('1')
      .status('1', 'ABORTED')
      .cleanUp('0')
      .metric('runningTask', 0)
      .status('0', 'COMPLETE'),
  },
  {
    title: 'R200 R202 R208 a runner that begins anew after its release may count from 0 again',
    trace: trace()
      .run('0')
      .accept('1')
      .release()
      .status('1', 'ABORTED')
      .metric('runs', 9)
      .run('0')
      .metric('runs', 9),
  },
  {
    title: 'R203 a run that was to stop may be UNKNOWN, and one that gave back no process too',
    trace: trace()
      .accept('0')
      .start('0')
      .abort('0')
      .cleanUp('0')
      .status('0', 'UNKNOWN')
      .accept('1')
      .phase('1', 'outputs')
      .acquire('1', 'output')
      .free('1', 'output')
      .status('1', 'UNKNOWN'),
  },
  {
    title: 'R204 R205 what was given up and comes back before the end',
    trace: trace()
      .accept('0')
      .start('0')
      .abandon('0', 'process')
      .free('0', 'process')
      .free('0', 'output')
      .free('0', 'output')
      .free('0', 'checkout')
      .status('0', 'FAILED'),
  },
  {
    title: 'R208 a total that is reported twice',
    trace: trace().metric('workerUploads', 3).metric('workerUploads', 3),
  },
  {
    title: 'R200 R201 an id that comes again after its eviction',
    trace: trace().run('0').evict('0').run('0'),
  },
  {
    title: 'R203 the trace of a bare store, which records no request to stop',
    trace: trace()
      .status('0', 'PENDING')
      .status('0', 'ABORTED')
      .status('1', 'PENDING')
      .acquire('1', 'process')
      .free('1', 'process')
      .status('1', 'UNKNOWN'),
  },
  {
    title: 'R202 R208 the trace of a bare store, which accepts nothing',
    trace: trace().status('0', 'PENDING').status('0', 'RUNNING').status('0', 'COMPLETE'),
  },
];

const planted: readonly PlantedCase[] = [
  {
    title: 'R200 a second terminal status',
    trace: trace().run('0').wait(3).status('0', 'FAILED'),
    message: 'run 0 on r was COMPLETE, which is terminal, and has become FAILED',
    atMs: 4,
  },
  {
    title: 'R200 the same terminal status once more',
    trace: trace().run('0').status('0', 'COMPLETE'),
    message: 'run 0 on r was COMPLETE, which is terminal, and has become COMPLETE',
  },
  {
    title: 'R200 R201 a terminal run that is PENDING again, with the likely reason',
    trace: trace().run('0').status('0', 'PENDING'),
    message:
      'run 0 on r was COMPLETE, which is terminal, and has become PENDING; if two runners of this trace are called r, give them different names',
  },
  {
    title: 'R200 a run that a release leaves behind',
    trace: trace().accept('0').release().wait(7),
    message: 'run 0 on r is PENDING at the end, although its runner was released',
  },
  {
    title: 'R201 RUNNING that goes back to PENDING',
    trace: trace().accept('0').start('0').status('0', 'PENDING'),
    message:
      'run 0 on r cannot go from RUNNING to PENDING; if two runners of this trace are called r, give them different names',
  },
  {
    title: 'R201 PENDING twice',
    trace: trace().accept('0').wait(2).accept('0'),
    message:
      'run 0 on r cannot go from PENDING to PENDING; if two runners of this trace are called r, give them different names',
    atMs: 2,
  },
  {
    title: 'R202 a start before an older run',
    trace: trace().accept('0').accept('1').wait(1).phase('1', 'preprocess'),
    message: 'run 1 on r has started before run 0, which was accepted earlier',
    atMs: 1,
  },
  {
    title: 'R202 RUNNING before an older run, where there are no phases',
    trace: trace().accept('0').accept('1').status('1', 'RUNNING'),
    message: 'run 1 on r has started before run 0, which was accepted earlier',
  },
  {
    title: 'R202 two active runs',
    trace: trace().accept('0').accept('1').start('0').phase('1', 'preprocess'),
    message: 'run 1 on r has started while run 0 is active',
  },
  {
    title: 'R202 two active runs, after a queued one was aborted',
    trace: trace()
      .accept('0')
      .accept('1')
      .accept('2')
      .start('0')
      .abort('1')
      .status('1', 'ABORTED')
      .phase('2', 'preprocess'),
    message: 'run 2 on r has started while run 0 is active',
  },
  {
    title: 'R202 the start of a run that nobody accepted',
    trace: trace().run('0').phase('1', 'preprocess'),
    message: 'run 1 on r has started and was never accepted',
  },
  {
    title: 'R203 ABORTED without an abort',
    trace: trace().run('0', 'ABORTED'),
    message: 'run 0 on r became ABORTED, but neither was it aborted nor its runner released',
    atMs: 1,
  },
  {
    title: 'R203 ABORTED when another run was aborted',
    trace: trace().accept('0').accept('1').abort('1').status('1', 'ABORTED').status('0', 'ABORTED'),
    message: 'run 0 on r became ABORTED, but neither was it aborted nor its runner released',
  },
  {
    title: 'R203 TIMEDOUT without a timeout',
    trace: trace().run('0', 'TIMEDOUT'),
    message: 'run 0 on r became TIMEDOUT, but has no timeout',
  },
  {
    title: 'R203 TIMEDOUT with a timeout that is none',
    trace: trace().run('0', 'TIMEDOUT', { argv: [], timeoutMs: -1 }),
    message: 'run 0 on r became TIMEDOUT, but has no timeout',
  },
  {
    title: 'R203 UNKNOWN after the process has ended',
    trace: trace().run('0', 'UNKNOWN'),
    message: 'run 0 on r became UNKNOWN, but its process has ended',
  },
  {
    title: 'R204 a process, an output and a checkout that outlive their run',
    trace: trace().accept('0').start('0').acquire('0', 'output').status('0', 'COMPLETE'),
    message: 'run 0 on r is over, but holds a process that has not exited, 1 × checkout, 2 × output',
  },
  {
    title: 'R204 a temporary directory and an upload that outlive their run',
    trace: trace()
      .accept('0')
      .phase('0', 'upload')
      .acquire('0', 'tempdir')
      .acquire('0', 'upload')
      .status('0', 'FAILED'),
    message: 'run 0 on r is over, but holds 1 × tempdir, 1 × upload',
  },
  {
    title: 'R204 a temporary directory, although a process was given up',
    trace: trace().accept('0').acquire('0', 'tempdir').abandon('0', 'process').status('0', 'FAILED'),
    message: 'run 0 on r is over, but holds 1 × tempdir',
  },
  {
    title: 'R204 a process that starts after the end',
    trace: trace().run('0').wait(4).acquire('0', 'process', 'p'),
    message: 'run 0 on r is over and has taken process p',
    atMs: 5,
  },
  {
    title: 'R204 another kind than the one that was given up',
    trace: trace().accept('0').abandon('0', 'checkout').status('0', 'FAILED').acquire('0', 'output', 'log'),
    message: 'run 0 on r is over and has taken output log',
  },
  {
    title: 'R205 a checkout released twice',
    trace: trace().run('0').free('0', 'checkout', 'snap'),
    message: 'run 0 on r has released snap, which is not checked out',
  },
  {
    title: 'R205 a checkout released that was never made',
    trace: trace().accept('0').phase('0', 'release').free('0', 'checkout', 'snap'),
    message: 'run 0 on r has released snap, which is not checked out',
  },
  {
    title: 'R205 a checkout that came late and is never released',
    trace: trace()
      .accept('0')
      .abandon('0', 'checkout')
      .status('0', 'FAILED')
      .acquire('0', 'checkout')
      .wait(1),
    message: 'run 0 on r has never released its checkout',
  },
  {
    title: 'R205 a checkout during an update',
    trace: trace().accept('0').acquire('', 'update').acquire('0', 'output').acquire('0', 'checkout', 'snap'),
    message: 'run 0 on r has checked out snap during an update',
  },
  {
    title: 'R205 a run that starts during the second of two updates',
    trace: trace()
      .accept('0')
      .acquire('', 'update', 'a')
      .acquire('', 'update', 'b')
      .free('', 'update', 'a')
      .phase('0', 'preprocess'),
    message: 'run 0 on r has started during an update',
  },
  {
    title: 'R205 a run that starts during an update',
    trace: trace().accept('0').acquire('', 'update').phase('0', 'preprocess'),
    message: 'run 0 on r has started during an update',
  },
  {
    title: 'R205 an update that begins during a run',
    trace: trace().accept('0').start('0').acquire('', 'update', 'scoot'),
    message: 'the update of scoot on r has begun while run 0 is active',
  },
  {
    title: 'R206 a stdoutRef that is lost',
    trace: trace().accept('0').start('0').cleanUp('0').status('0', 'COMPLETE', { stdoutRef: '' }),
    message: 'run 0 on r became COMPLETE and lost its stdoutRef out',
  },
  {
    title: 'R206 a stderrRef that is lost',
    trace: trace().accept('0').start('0').cleanUp('0').status('0', 'COMPLETE', { stderrRef: '' }),
    message: 'run 0 on r became COMPLETE and lost its stderrRef err',
  },
  {
    title: 'R208 a gauge that is still up when the end can be seen',
    trace: trace().accept('0').metric('runningTask', 1).start('0').cleanUp('0').status('0', 'COMPLETE'),
    message:
      'runningTask of r is 1 with 0 active when run 0 was over\n\nRead with the status of run 0, by which it must be right: expected 0, got 1.',
  },
  {
    title: 'R208 a gauge that was never raised',
    trace: trace().metric('runningTask', 0).accept('0').start('0'),
    message:
      'runningTask of r is 0 with 1 active when run 0 became RUNNING\n\nRead with the status of run 0, by which it must be right: expected 1, got 0.',
  },
  {
    title: 'R208 a counter that falls',
    trace: trace().metric('workerUploads', 3).wait(2).metric('workerUploads', 2),
    message: 'counter workerUploads of r fell from 3 to 2',
    atMs: 2,
  },
  {
    title: 'R208 a counter that falls on a runner that was released and begins anew',
    trace: trace().run('0').release().run('0').metric('runs', 5).run('1').metric('runs', 3),
    message: 'counter runs of r fell from 5 to 3',
  },
  {
    title: 'R208 a run that ends and was not counted as accepted',
    trace: trace().run('0').status('1', 'PENDING').status('1', 'FAILED'),
    message: 'r has accepted 1 run, but 2 are terminal, 0 queued and 0 active',
  },
];

describe('rules about runs', () => {
  test.for(legal.map((legalCase) => [legalCase.title, legalCase.trace] as const))(
    '%s is not reported',
    ([, legalTrace]) => {
      expect(violationsOf(legalTrace)).toEqual([]);
    },
  );

  test.for(planted.map((plantedCase) => [plantedCase.title, plantedCase] as const))(
    '%s is reported',
    ([title, { trace: plantedTrace, message, atMs = plantedTrace.atMs }]) => {
      const [first] = violationsOf(plantedTrace);
      expect(first).toEqual({ rule: title.split(' ')[0], message, atMs });
    },
  );
});
