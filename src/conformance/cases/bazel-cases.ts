/** Cases about the Bazel path: what a runner does with an action, whatever the store behind it (R184–R195). */
import type { ActionOutcome, ActionResult } from '../../model/action.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { MissingBlobsError } from '../../model/content-store.ts';
import type { Digest } from '../../model/digest.ts';
import { waitForState } from '../../model/status-lookup.ts';
import { ACTION, bazelRunner, LOG, NO_OUTPUTS, WANTED } from '../bazel-runner.ts';
import { checkEqual, checkFields, checkRejects, checkThat } from '../check.ts';
import type { CaseSpec } from '../conformance-case.ts';

const CACHED: ActionOutcome = { ...NO_OUTPUTS, exitCode: 5, metadata: { worker: 'another' } };

function resultOf({ actionResult }: { readonly actionResult?: ActionResult }): ActionResult {
  checkThat(actionResult !== undefined, 'the action result', 'one', actionResult);
  return actionResult as ActionResult;
}

const ORDER = [
  'workerStartMs',
  'inputFetchStartMs',
  'inputFetchCompletedMs',
  'executionStartMs',
  'executionCompletedMs',
  'outputUploadStartMs',
  'outputUploadCompletedMs',
  'workerCompletedMs',
] as const;

export const bazelCases: readonly CaseSpec[] = [
  {
    title:
      'R184 R187 R191 R194 an action runs in the place of the command, and its result is beside the status',
    needs: ['actions', 'filers'],
    async run(t) {
      const runner = await bazelRunner(t, t.commands.exit(3));
      const status = await t.outcome(runner, WANTED);
      checkFields('the end', status, { state: 'COMPLETE', exitCode: 3, error: '' });
      const { cached, actionDigest, result, grpcStatus } = resultOf(status);
      checkEqual('whether it was cached', cached, false);
      checkEqual('its action', actionDigest, ACTION);
      checkEqual('its exit code', result?.exitCode, 3);
      checkEqual('its logs', [result?.stdoutDigest, result?.stderrDigest], [LOG, LOG]);
      checkEqual('its failure', grpcStatus, undefined);
    },
  },
  {
    title:
      'R193 D102 the times of a result come from one clock, in order, and a queued time that is not known is absent',
    needs: ['actions', 'filers'],
    async run(t) {
      const runner = await bazelRunner(t, t.commands.exit(0, 5));
      const { metadata } = resultOf(await t.outcome(runner, WANTED)).result ?? CACHED;
      const times = ORDER.map((name) => metadata[name] ?? NaN);
      const isOrdered = times.every((time, index) => index === 0 || time >= (times[index - 1] as number));
      checkThat(isOrdered, 'the times', 'all of them, in order', times);
      checkEqual('the queued time', metadata.queuedMs, undefined);
    },
  },
  {
    title: 'R186 D91 a cached result ends the run with its exit code, and nothing runs',
    needs: ['actions', 'filers'],
    async run(t) {
      const runner = await bazelRunner(t, t.commands.hang(), { replace: { cachedOutcome: () => CACHED } });
      const runId = await t.start(runner, WANTED);
      await checkRejects(
        'a wait for RUNNING',
        waitForState(runner, runId, 'RUNNING'),
        'RUNNER_CANNOT_HAPPEN',
      );
      const status = await t.end(runner, runId);
      checkFields('the end', status, { state: 'COMPLETE', exitCode: 5, stdoutRef: '' });
      checkEqual('its result', resultOf(status), { actionDigest: ACTION, cached: true, result: CACHED });
    },
  },
  {
    title: 'R185 R91 a Bazel run without request data is FAILED 200',
    needs: ['actions', 'filers'],
    async run(t) {
      const runner = await bazelRunner(t, t.commands.exit(0));
      const { argv, snapshotId = '' } = WANTED;
      const status = await t.outcome(runner, { argv, snapshotId });
      checkFields('the end', status, { state: 'FAILED', exitCode: 200 });
    },
  },
  {
    title: 'R188 D101 an action that is not in the store is FAILED 200, and the result names what is missing',
    needs: ['actions', 'filers'],
    async run(t) {
      const action = (): never => {
        throw new MissingBlobsError([ACTION]);
      };
      const runner = await bazelRunner(t, t.commands.exit(0), { replace: { action } });
      const status = await t.outcome(runner, WANTED);
      checkFields('the end', status, { state: 'FAILED', exitCode: 200 });
      const { code, violations } = resultOf(status).grpcStatus ?? {};
      checkEqual('the code', code, 9);
      checkEqual('the missing blobs', violations, [{ type: 'MISSING', subject: `blobs/${ACTION.hash}/7` }]);
    },
  },
  {
    title: 'R189 D101 a command that cannot be started is FAILED 240, and its action result is INTERNAL',
    needs: ['actions', 'filers', 'unstartable'],
    async run(t) {
      const runner = await bazelRunner(t, t.commands.unstartable());
      const status = await t.outcome(runner, WANTED);
      checkFields('the end', status, { state: 'FAILED', exitCode: 240 });
      checkEqual('the code', resultOf(status).grpcStatus?.code, 13);
    },
  },
  {
    title:
      'R192 D91 a result is kept after exit code 0, not after another one, and not if the action forbids it',
    needs: ['actions', 'filers', 'idPrefix'],
    async run(t) {
      for (const [exitCode, doNotCache, times] of [
        [0, false, 1],
        [3, false, 0],
        [0, true, 0],
      ] as const) {
        const kept: ActionOutcome[] = [];
        const idPrefix = `${exitCode}-${String(doNotCache)}-`;
        const spec = { kept, action: { doNotCache }, idPrefix };
        const runner = await bazelRunner(t, t.commands.exit(exitCode), spec);
        checkEqual('the end', (await t.outcome(runner, WANTED)).state, 'COMPLETE');
        checkEqual(`results kept of exit code ${exitCode}`, kept.length, times);
      }
    },
  },
  {
    title: 'R195 D95 an abort during the look-up cancels it, and the run never starts',
    needs: ['actions', 'filers'],
    async run(t) {
      let cancels = 0;
      const action = (_digest: Digest, { signal }: Cancellable): Promise<never> =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            cancels += 1;
            reject(new Error('cancelled'));
          });
        });
      const runner = await bazelRunner(t, t.commands.hang(), { replace: { action } });
      const runId = await t.start(runner, WANTED);
      const running = t.meanwhile(waitForState(runner, runId, 'RUNNING'));
      await t.sleep(2);
      const status = await runner.abort(runId);
      checkFields('the end', status, { state: 'ABORTED', stdoutRef: '' });
      checkEqual('its result', status.actionResult, undefined);
      checkEqual('cancels', cancels, 1);
      await checkRejects('a wait for RUNNING', running, 'RUNNER_CANNOT_HAPPEN');
    },
  },
  {
    title: 'R194 R195 an abort while the command runs leaves no result, and nothing in the cache',
    needs: ['actions', 'filers'],
    async run(t) {
      const kept: ActionOutcome[] = [];
      const runner = await bazelRunner(t, t.commands.hang(), { kept });
      const status = await runner.abort(await t.running(runner, WANTED));
      checkFields('the end', status, { state: 'ABORTED' });
      checkEqual('its result', status.actionResult, undefined);
      checkEqual('results kept', kept, []);
    },
  },
  {
    title: 'R187 R194 the timeout of an action stops it, and leaves no result',
    needs: ['actions', 'filers', 'timeouts'],
    async run(t) {
      const runner = await bazelRunner(t, t.commands.hang(), { action: { timeoutMs: t.ms(2) } });
      const status = await t.outcome(runner, WANTED);
      checkFields('the end', status, { state: 'TIMEDOUT' });
      checkEqual('its result', status.actionResult, undefined);
    },
  },
  {
    title: 'R191 a store that does not take the logs makes the run FAILED 250',
    needs: ['actions', 'filers'],
    async run(t) {
      const storeLog = (): never => {
        throw new Error('no room');
      };
      const runner = await bazelRunner(t, t.commands.exit(0), { replace: { storeLog } });
      const status = await t.outcome(runner, WANTED);
      checkFields('the end', status, { state: 'FAILED', exitCode: 250, error: 'no room' });
      checkEqual('the code', resultOf(status).grpcStatus?.code, 13);
    },
  },
];
