import { describe, expect, test } from 'vitest';
import { createErrorExecer } from '../../../src/execers/error-execer.ts';
import { ExitCodeError } from '../../../src/model/exit-code.ts';
import type { InvocationPhase, TraceEvent } from '../../../src/model/trace-event.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { createNullOutputs } from '../../../src/outputs/null-output.ts';
import { inSimulation } from '../in-simulation.ts';
import {
  afterHeader,
  filersOf,
  invoke,
  labFiler,
  labProcessor,
  labUploader,
  logTexts,
  makeLab,
} from '../lab.ts';

const PHASES: readonly InvocationPhase[] = [
  'preprocess',
  'checkout',
  'outputs',
  'exec',
  'wait',
  'measure',
  'upload',
  'close',
  'release',
  'postprocess',
  'end',
];

function phasesOf(trace: readonly TraceEvent[]): string[] {
  return trace.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
}

function recordedIn(trace: readonly TraceEvent[]): unknown[] {
  return trace.flatMap((event) =>
    event.type === 'recorded' ? [[event.what, event.error, event.exitCode]] : [],
  );
}

describe('a run that goes well', () => {
  test('R87 emits one RUNNING and then one terminal status, both with its id and tags', async () => {
    await inSimulation(async (sim) => {
      const run = invoke(makeLab(sim), {
        argv: ['sleep 5', 'complete 4'],
        jobId: 'j',
        taskId: 't',
        tag: 'g',
      });
      await run.ended;
      const tags = { runId: '7', jobId: 'j', taskId: 't', tag: 'g' };
      expect(run.statuses).toMatchObject([
        { state: 'RUNNING', ...tags },
        { state: 'COMPLETE', exitCode: 4, ...tags },
      ]);
    });
  });

  test('R88 R89 goes through its phases in order, and is terminal only after the last', async () => {
    const verdict = await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        filers: filersOf(labFiler(parts, { ms: 10 })),
        preprocessors: [labProcessor(parts, 'pre', { ms: 1 })],
        postprocessors: [labProcessor(parts, 'post', { ms: 7 })],
        uploader: labUploader(parts, { ms: 2 }),
        dirMonitor: { sizesKb: () => new Map() },
      }));
      const { state } = await invoke(lab, { argv: ['sleep 5'], snapshotId: 's1' }).ended;
      expect(state).toBe('COMPLETE');
      expect(sim.now()).toBe(1 + 10 + 5 + 3 * 2 + 7);
      expect(lab.log).toEqual([
        'pre',
        'checkout s1',
        'upload stdlog',
        'upload stderr',
        'upload stdout',
        'release s1',
        'post',
      ]);
      expect(lab.execer.livingProcesses).toBe(0);
      expect(lab.outputs.all().every((output) => output.closed)).toBe(true);
    });
    expect(phasesOf(verdict.trace())).toEqual(PHASES);
  });

  test('a phase without a collaborator leaves no trace', async () => {
    const verdict = await inSimulation(async (sim) => {
      await invoke(makeLab(sim), { argv: ['sleep 5'] }).ended;
    });
    const idle = ['preprocess', 'measure', 'upload', 'postprocess'];
    expect(phasesOf(verdict.trace())).toEqual(PHASES.filter((phase) => !idle.includes(phase)));
  });

  test('R90 pre- and postprocessors run in list order, and their failures are recorded and change nothing', async () => {
    const verdict = await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        preprocessors: [
          labProcessor(parts, 'a', { ms: 2, error: new Error('a broke') }),
          labProcessor(parts, 'b'),
        ],
        postprocessors: [labProcessor(parts, 'c', { error: new Error('c broke') }), labProcessor(parts, 'd')],
      }));
      const { state, error } = await invoke(lab, { argv: ['complete 0'] }).ended;
      expect([state, error]).toEqual(['COMPLETE', '']);
      expect(lab.log).toEqual(['a', 'b', 'c', 'd']);
    });
    expect(recordedIn(verdict.trace())).toEqual([
      ['a', 'a broke', 0],
      ['c', 'c broke', 0],
    ]);
  });

  test('R92 D45 without a snapshot runs in a temporary directory that is gone afterwards, and uses no filer', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({ filers: filersOf(labFiler(parts)) }));
      const run = invoke(lab, { argv: ['sleep 5'] });
      await sim.sleep(1);
      expect([...lab.tempDirs.held]).toEqual(['/virtual/tmp/run-7']);
      await run.ended;
      expect(lab.tempDirs.held.size).toBe(0);
      expect(lab.log).toEqual([]);
    });
  });

  test('R96 the header comes first in all three logs: marker, date of the clock, URIs, command, marker, last line', async () => {
    await inSimulation(async (sim) => {
      await sim.sleep(1_500);
      const lab = makeLab(sim);
      await invoke(lab, { argv: ['stdout x'], envVars: { TOKEN: 'hush' }, jobId: 'j' }).ended;
      const { stdout, stderr, stdlog } = logTexts(lab);
      const marker = `${'#'.repeat(43)}\n`.repeat(2);
      expect(stdout.startsWith(`${marker}\nDate: 2000-01-01T00:00:01.500Z\n`)).toBe(true);
      expect(stdout).toContain(
        'Out: memory:///7-stdout-0\tErr: memory:///7-stderr-1\tLog: memory:///7-stdlog-2\nCmd:\n',
      );
      expect(stdout).toContain('["stdout x"]');
      expect(stdout).toContain('JobID: j');
      expect(stdout).not.toContain('hush');
      expect(stdout.endsWith(`\n\n${marker}\nSCOOT_CMD_LOG\nx`)).toBe(true);
      expect([`${stderr}x`, stdlog]).toEqual([stdout, stdout]);
    });
  });

  test('R97 each stream goes to its own log and to the combined one, in order of arrival', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim);
      await invoke(lab, { argv: ['stdout a', 'stderr b', 'sleep 1', 'stdout c'] }).ended;
      const { stdout, stderr, stdlog } = logTexts(lab);
      expect([stdout, stderr, stdlog].map(afterHeader)).toEqual(['ac', 'b', 'abc']);
    });
  });

  test('R209 the trace gives the bytes that each stream wrote, not the characters', async () => {
    const verdict = await inSimulation(async (sim) => {
      await invoke(makeLab(sim), { argv: ['stdout grüß', 'stderr €', 'stdout !'] }).ended;
    });
    const wrote = verdict
      .trace()
      .flatMap((event) => (event.type === 'wrote' ? [[event.output, event.bytes]] : []));
    expect(wrote).toEqual([
      ['stdout', 7],
      ['stderr', 3],
    ]);
  });

  test('R98 the execer gets argv, environment, the checkout as directory, both sinks and the tags', async () => {
    await inSimulation(async (sim) => {
      const seen: unknown[] = [];
      const lab = makeLab(sim, ({ execer, sim: { world }, log }) => ({
        filers: filersOf(labFiler({ sim, log })),
        execer: {
          cancelBoundMs: 0,
          exec: (command) => {
            const { argv, envVars, dir, jobId, taskId, tag, runId } = command;
            seen.push({ argv, envVars, dir, jobId, taskId, tag, runId, at: world.clock.now() });
            return execer.exec(command);
          },
        },
      }));
      const tags = { jobId: 'j', taskId: 't', tag: 'g' };
      await invoke(lab, { argv: ['complete 0'], envVars: { A: '1' }, snapshotId: 's9', ...tags }).ended;
      expect(seen).toEqual([
        { argv: ['complete 0'], envVars: { A: '1' }, dir: '/snapshots/s9', ...tags, runId: '7', at: 0 },
      ]);
    });
  });

  test('R99 RUNNING carries the URIs of stdout and stderr', async () => {
    await inSimulation(async (sim) => {
      const run = invoke(makeLab(sim), { argv: ['sleep 1'] });
      await run.ended;
      expect(run.statuses[0]).toMatchObject({
        state: 'RUNNING',
        stdoutRef: 'memory:///7-stdout-0',
        stderrRef: 'memory:///7-stderr-1',
      });
    });
  });

  test('R117 D53 every collaborator but execer, filers, outputs and directories may be missing', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, () => ({ outputs: createNullOutputs() }));
      const { execer, filers, outputs, tempDirs } = lab.options;
      const run = invoke(
        { ...lab, options: { execer, filers, outputs, tempDirs } },
        { argv: ['stdout x', 'sleep 1', 'complete 2'], timeoutMs: 50 },
      );
      expect(await run.ended).toMatchObject({ state: 'COMPLETE', exitCode: 2 });
    });
  });
});

describe('a run whose collaborators fail', () => {
  test('R91 without a filer for its type is FAILED 200, and nothing is checked out', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, () => ({ filers: new Map() }));
      const run = invoke(lab, { argv: ['complete 0'] });
      expect(await run.ended).toMatchObject({
        state: 'FAILED',
        exitCode: 200,
        error: 'no filer for run type scoot',
      });
      expect(run.statuses).toHaveLength(1);
      expect(lab.outputs.all()).toEqual([]);
    });
  });

  test.for([
    [new ExitCodeError(212, 'disk is full'), 212, 'disk is full'],
    [new Error('no route'), 210, 'no route'],
  ] as const)(
    'R93 a failed checkout is FAILED with its own code, or 210: %s',
    async ([error, exitCode, text]) => {
      await inSimulation(async (sim) => {
        const lab = makeLab(sim, (parts) => ({ filers: filersOf(labFiler(parts, { ms: 3, error })) }));
        expect(await invoke(lab, { argv: ['complete 0'], snapshotId: 's1' }).ended).toMatchObject({
          state: 'FAILED',
          exitCode,
          error: text,
        });
        expect(lab.log).toEqual(['checkout s1']);
      });
    },
  );

  test('R94 D49 a checkout is released once, and an error of the release is recorded as 213 and changes nothing', async () => {
    let releases = 0;
    const verdict = await inSimulation(async (sim) => {
      const release = (): void => {
        releases += 1;
        throw new Error('still busy');
      };
      const lab = makeLab(sim, (parts) => ({
        filers: filersOf({ ...labFiler(parts), checkout: (id) => ({ id, path: '/p', release }) }),
      }));
      expect(await invoke(lab, { argv: ['complete 3'], snapshotId: 's1' }).ended).toMatchObject({
        state: 'COMPLETE',
        exitCode: 3,
        error: '',
      });
    });
    expect(releases).toBe(1);
    expect(recordedIn(verdict.trace())).toEqual([['release', 'still busy', 213]]);
  });

  test.for([
    ['stdout', 'stdout', 0],
    ['stderr', 'stderr', 1],
    ['stdlog', 'combined stdout/stderr', 2],
  ] as const)(
    'R95 an output that cannot be created is FAILED 220 and closes the others: %s',
    async ([name, shown, before]) => {
      await inSimulation(async (sim) => {
        const outputs = createMemoryOutputs();
        const create = (id: string): ReturnType<typeof outputs.create> => {
          if (id === `7-${name}`) throw new Error('no space');
          return outputs.create(id);
        };
        const lab = makeLab(sim, () => ({ outputs: { create } }));
        const run = invoke(lab, { argv: ['complete 0'] });
        expect(await run.ended).toMatchObject({
          state: 'FAILED',
          exitCode: 220,
          error: `could not create ${shown}: no space`,
          stdoutRef: '',
        });
        expect(run.statuses).toHaveLength(1);
        expect(outputs.all().map(({ closed }) => closed)).toEqual(Array<boolean>(before).fill(true));
        expect(lab.tempDirs.held.size).toBe(0);
      });
    },
  );

  test('R98 an exec error is FAILED 240 without RUNNING', async () => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, () => ({ execer: createErrorExecer(new Error('no such program')) }));
      const run = invoke(lab, { argv: ['nope'] });
      expect(await run.ended).toMatchObject({
        state: 'FAILED',
        exitCode: 240,
        error: 'could not exec: no such program',
      });
      expect(run.statuses).toHaveLength(1);
      expect(lab.outputs.all().map(({ closed }) => closed)).toEqual([true, true, true]);
    });
  });

  test.for([
    [
      { state: 'COMPLETE', exitCode: 200, error: 'noted' },
      { state: 'COMPLETE', exitCode: 200, error: 'noted' },
    ],
    [
      { state: 'FAILED', exitCode: 17, error: 'lost' },
      { state: 'FAILED', exitCode: 17, error: 'error execing: lost' },
    ],
    [
      { state: 'FAILED', exitCode: 0, error: 'lost' },
      { state: 'FAILED', exitCode: 250, error: 'error execing: lost' },
    ],
    [
      { state: 'UNKNOWN', exitCode: 3, error: 'eh' },
      { state: 'FAILED', exitCode: 250, error: 'unexpected exec state UNKNOWN: eh' },
    ],
    [
      { state: 'RUNNING', exitCode: 0, error: '' },
      { state: 'FAILED', exitCode: 250, error: 'unexpected exec state RUNNING: ' },
    ],
  ] as const)('R110 D50 a process that ends as %o makes the run %o', async ([end, expected]) => {
    await inSimulation(async (sim) => {
      const lab = makeLab(sim, (parts) => ({
        execer: { cancelBoundMs: 0, exec: () => ({ wait: () => end, abort: () => end }) },
        uploader: labUploader(parts),
      }));
      expect(await invoke(lab, { argv: ['x'] }).ended).toMatchObject(expected);
      expect(lab.log.length > 0).toBe(expected.state === 'COMPLETE');
    });
  });

  test('R95 a faulty write of the header or of the process is recorded and costs the log, not the run', async () => {
    const verdict = await inSimulation(async (sim) => {
      const outputs = createMemoryOutputs({
        faults: (id) => (id === '7-stderr' ? [{ kind: 'error', afterBytes: 0 }] : undefined),
      });
      const lab = makeLab(sim, () => ({ outputs }));
      expect((await invoke({ ...lab, outputs }, { argv: ['stdout ok', 'stderr lost'] }).ended).state).toBe(
        'COMPLETE',
      );
      expect(afterHeader(logTexts({ ...lab, outputs }).stdout)).toBe('ok');
    });
    expect(recordedIn(verdict.trace()).length).toBeGreaterThan(0);
  });
});
