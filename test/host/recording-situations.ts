// All situations in which real runners are recorded, and those of the runner as a whole.
import { ExitCodeError } from '../../src/model/exit-code.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { all, LONG, noop, ok, sh, snapshot, type Situations } from './recording-acts.ts';
import { ends, failingTempDirs, filerOf, Gate, type Stage, withFiler } from './recording-stage.ts';
import { PHASE_SITUATIONS } from './recording-phase-situations.ts';
import { RUN_SITUATIONS } from './recording-run-situations.ts';

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

/** By name. */
export const SITUATIONS: Situations = {
  ...RUN_SITUATIONS,
  ...PHASE_SITUATIONS,
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
      // On a busy machine the end of the initialization takes its time.
      while (!(await runner.statusAll()).service.initialized) await stage.pause(1);
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
