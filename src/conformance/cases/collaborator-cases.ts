/** Cases about processors, uploads and metrics, as far as callers can see them. */
import { createMemoryMetrics } from '../../metrics/memory-metrics.ts';
import type { LogUploader, Processor } from '../../model/collaborators.ts';
import { METRIC_NAMES } from '../../model/metrics.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { Service } from '../../model/service.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { checkEqual, checkFields, checkThat } from '../check.ts';
import type { CaseContext, Gate } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

/** How the first upload behaves: it waits for a gate, honours a cancel or not, and fails or not. */
interface UploadManner {
  readonly gate?: Gate;
  readonly deaf?: boolean;
  readonly failure?: string;
}

function uploaderOf(
  t: CaseContext,
  names: string[],
  manner: UploadManner = {},
  signals: AbortSignal[] = [],
): LogUploader {
  const { gate, deaf = false, failure } = manner;
  return {
    cancelBoundMs: t.ms(3),
    async upload(name, _log, cancel) {
      names.push(name);
      signals.push(cancel.signal);
      if (gate !== undefined && names.length === 1) {
        await (deaf ? gate.opened : Promise.race([gate.opened, cancelled(cancel.signal)]));
      }
      if (failure !== undefined) throw new Error(failure);
      return `https://logs/${name}`;
    },
  };
}

function recorder(name: string, calls: string[], failing = false): Processor {
  return {
    name,
    cancelBoundMs: 0,
    process() {
      calls.push(name);
      if (failing) throw new Error(`${name} fails`);
    },
  };
}

function cancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/**
 * An abort during the first upload; the uploader states a bound of 3 steps. An upload that ignores the cancel ends
 * after `endsIn` steps.
 */
const uploadingAbort = (
  title: string,
  { endsIn, ...manner }: UploadManner & { readonly endsIn?: number },
): CaseSpec => ({
  title,
  needs: ['collaborators', 'exactStates'],
  async run(t) {
    const names: string[] = [];
    const signals: AbortSignal[] = [];
    const gate = t.gate();
    const runner = await t.runner({ uploader: uploaderOf(t, names, { ...manner, gate }, signals) });
    const runId = await t.running(runner, t.commands.exit(0, t.ms(1)));
    await t.until('an upload has begun', () => names.length > 0);
    await t.sleep(1);
    const atMs = t.now();
    const aborting = t.meanwhile(runner.abort(runId));
    if (endsIn !== undefined) {
      await t.sleep(endsIn);
      gate.open();
    }
    // Without the cancel, the upload would end only after this.
    const status = await aborting;
    checkEqual('the end', status.state, 'ABORTED');
    t.checkBound('time to the end', t.now() - atMs, 4);
    checkEqual('uploads that were begun', names.length, 1);
    checkEqual('whether its upload was cancelled', signals[0]?.aborted, true);
    checkEqual('a run after it', (await t.outcome(runner, t.commands.exit(0))).state, 'COMPLETE');
    // The abandoned upload returns.
    gate.open();
    await t.sleep(1);
  },
});

interface Uploaded {
  readonly runner: Service;
  readonly status: RunStatus;
  /** Those of all uploads so far. */
  readonly names: readonly string[];
}

async function refsOf(t: CaseContext, manner: UploadManner): Promise<Uploaded> {
  const names: string[] = [];
  const runner = await t.runner({ uploader: uploaderOf(t, names, manner) });
  return { runner, names, status: await t.outcome(runner, { ...t.commands.exit(3), jobId: 'job' }) };
}

export const collaboratorCases: readonly CaseSpec[] = [
  {
    title: 'R90 D49 processors run in order on every path, and what they throw changes no outcome',
    needs: ['collaborators', 'timeouts'],
    async run(t) {
      const calls: string[] = [];
      const runner = await t.runner({
        preprocessors: [recorder('a', calls, true), recorder('b', calls)],
        postprocessors: [recorder('y', calls, true), recorder('z', calls)],
      });
      checkFields('a natural end', await t.outcome(runner, t.commands.exit(3)), {
        state: 'COMPLETE',
        exitCode: 3,
      });
      for (const command of t.unstartable()) {
        checkEqual('a failed start', (await t.outcome(runner, command)).exitCode, 240);
      }
      const timed = { ...t.commands.hang(), timeoutMs: t.ms(1) };
      checkEqual('a deadline', (await t.outcome(runner, timed)).state, 'TIMEDOUT');
      checkEqual(
        'an abort',
        (await runner.abort(await t.running(runner, t.commands.hang()))).state,
        'ABORTED',
      );
      checkEqual('what ran', calls.join(''), 'abyz'.repeat(3 + t.unstartable().length));
    },
  },
  {
    title:
      'R105 R90 D43 an abort during preprocessing ends the run; the command never starts, postprocessors run',
    needs: ['collaborators'],
    async run(t) {
      const calls: string[] = [];
      const slow: Processor = {
        name: 'slow',
        cancelBoundMs: t.ms(5),
        process: (_command, { signal }) => cancelled(signal),
      };
      const runner = await t.runner({ preprocessors: [slow], postprocessors: [recorder('z', calls)] });
      const runId = await t.start(runner, t.commands.hang());
      await t.sleep(1);
      checkFields('the end', await runner.abort(runId), { state: 'ABORTED', stdoutRef: '' });
      checkEqual('postprocessors', calls, ['z']);
    },
  },
  {
    title:
      'R113 R114 the logs are uploaded as JOB_UNIQUE/NAME in the order stdlog, stderr, stdout, and the refs point to them',
    needs: ['collaborators'],
    async run(t) {
      const { status, names } = await refsOf(t, {});
      const unique = /^job_([^/]+)\/stdlog$/.exec(names[0] ?? '')?.[1];
      checkThat(unique !== undefined, 'the first name', 'job_UNIQUE/stdlog', names[0]);
      checkEqual(
        'names',
        names,
        ['stdlog', 'stderr', 'stdout'].map((name) => `job_${unique}/${name}`),
      );
      const stdoutRef = `https://logs/job_${unique}/stdout`;
      const stderrRef = `https://logs/job_${unique}/stderr`;
      const refs = t.mayLackRefs(status) ? {} : { stdoutRef, stderrRef };
      checkFields('the end', status, { state: 'COMPLETE', exitCode: 3, ...refs });
    },
  },
  {
    title: 'R113 the logs of each run are uploaded under names of their own',
    needs: ['collaborators'],
    async run(t) {
      const { runner, names } = await refsOf(t, {});
      await t.outcome(runner, { ...t.commands.exit(3), jobId: 'job' });
      checkThat(new Set(names).size === 6, 'names', 'six different ones', names);
    },
  },
  {
    title: 'R114 R206 an upload that fails leaves the local refs and the outcome',
    needs: ['collaborators'],
    async run(t) {
      const { status, names } = await refsOf(t, { failure: 'no bucket' });
      checkEqual('tries', names.length, 3);
      checkFields('the end', status, { state: 'COMPLETE', exitCode: 3 });
      const isLocal = t.mayLackRefs(status) || !/^(https:|$)/.test(status.stdoutRef);
      checkThat(isLocal, 'stdoutRef', 'the local one', status.stdoutRef);
    },
  },
  {
    title: 'R115 D50 a run that was aborted or could not start uploads nothing',
    needs: ['collaborators'],
    async run(t) {
      const names: string[] = [];
      const runner = await t.runner({ uploader: uploaderOf(t, names) });
      await runner.abort(await t.running(runner, t.commands.hang()));
      for (const command of t.unstartable()) await t.outcome(runner, command);
      checkEqual('uploads', names, []);
    },
  },
  {
    title: 'R101 R115 a run that timed out uploads its logs',
    needs: ['collaborators', 'timeouts'],
    async run(t) {
      const names: string[] = [];
      const runner = await t.runner({ uploader: uploaderOf(t, names) });
      const { status } = await t.endRunning(runner, t.commands.hang(), 10);
      names.splice(0, names.length - 3);
      checkEqual('uploads', names.length, 3);
      const stdoutRef = t.mayLackRefs(status) ? '' : `https://logs/${names[2]}`;
      checkFields('the end', status, { state: 'TIMEDOUT', stdoutRef });
    },
  },
  uploadingAbort('R108 D41 an abort during an upload that heeds it makes the run ABORTED', {}),
  uploadingAbort('R108 D41 an abort during an upload that ignores it makes the run ABORTED', {
    endsIn: 2,
    deaf: true,
  }),
  uploadingAbort('R108 D41 an abort during an upload that then throws makes the run ABORTED', {
    endsIn: 2,
    deaf: true,
    failure: 'late',
  }),
  uploadingAbort('R108 R199 D41 an upload that does not keep its bound does not hold an aborted run', {
    deaf: true,
  }),
  {
    title: 'R116 D48 the gauge runningTask is 1 while a command runs and 0 when the end can be seen',
    needs: ['collaborators'],
    async run(t) {
      const metrics = createMemoryMetrics();
      const runner = await t.runner({ metrics });
      for (let run = 0; run < 3; run += 1) {
        const runId = await t.running(runner, t.commands.hang());
        checkEqual('the gauge while it runs', metrics.value(METRIC_NAMES.RUNNING_TASK), 1);
        await runner.abort(runId);
        checkEqual('the gauge after it', metrics.value(METRIC_NAMES.RUNNING_TASK), 0);
      }
    },
  },
  {
    title: 'R181 R101 starts and deadlines are counted',
    needs: ['collaborators', 'timeouts', 'capacity'],
    async run(t) {
      const metrics = createMemoryMetrics();
      const runner = await t.runner({ metrics, capacity: 2 });
      await t.outcome(runner, { ...t.commands.hang(), timeoutMs: t.ms(1) });
      const active = await t.running(runner, t.commands.hang());
      await runner.abort(await t.start(runner, t.commands.hang()));
      await runner.abort(active);
      await waitForState(runner, active, 'ABORTED');
      checkEqual('timeouts', metrics.value(METRIC_NAMES.TIMEOUTS), 1);
      checkEqual('starts', metrics.value(METRIC_NAMES.IDLE_LATENCY_MS), 2);
    },
  },
];
