/**
 * Copies the finished logs elsewhere: stdlog, stderr, stdout in this order (R113). A failure keeps the local refs
 * (R114). Invariant: no upload begins before the trailer of a stopped run was written or given up (R101, R102).
 */
import { RunnerError } from '../../kernel/errors.ts';
import type { LogUploader } from '../../model/collaborators.ts';
import { isPending, whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import { checkUrl } from './answers.ts';
import { finishLogs } from './outputs-phase.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';
import type { LogName, RunLogs } from './run-logs.ts';

const UPLOAD_ORDER: readonly LogName[] = ['stdlog', 'stderr', 'stdout'];

/** Without an uploader there is nothing to do. A cancel stops the current upload and starts no other (R108). */
export const uploadPhase: Phase = {
  isIdle: (run) => run.parts.uploader === undefined,
  begin(run) {
    const { logs, parts } = run;
    const { uploader } = parts;
    if (uploader === undefined || logs === undefined) return undefined;
    // A run that ended by itself gets no trailer, unless an abort stops its upload (R108).
    if (run.stop === 'none') return uploadAll(run, uploader, logs);
    return whenThere(finishInTime(run), () => (isOver(run) ? undefined : uploadAll(run, uploader, logs)));
  },
  boundMs: (run) => run.parts.uploader?.cancelBoundMs ?? 0,
  abandon: (run) => {
    run.uploadTimer?.cancel();
    run.cancellation?.cancel();
    if (run.uploading !== undefined) run.abandoned('upload', run.uploading);
    run.uploading = undefined;
  },
};

/**
 * Writes the trailer of a run that timed out before its process ran. The outputs may take as long as for their closing,
 * which is left the rest of that time; then they are uploaded as they are (R102).
 */
function finishInTime(run: RunContext): MaybePromise<void> {
  const { localBoundMs, world } = run.parts;
  const finishing = finishLogs(run);
  if (!isPending(finishing)) return undefined;
  const { clock } = world;
  const startedAt = clock.now();
  return new Promise((resolve) => {
    const timer = clock.endOfInstant(run.topic('upload').plus('trailer'), localBoundMs, () => {
      run.recorded('output', 'the trailer was not taken within the bound');
      go();
    });
    const go = (): void => {
      timer.cancel();
      run.trailerMs = clock.now() - startedAt;
      resolve();
    };
    run.uploadTimer = timer;
    finishing.then(go, go);
  });
}

async function uploadAll(run: RunContext, uploader: LogUploader, logs: RunLogs): Promise<void> {
  const { world, instruments, name: runner } = run.parts;
  const startedAt = world.clock.now();
  // Runners of one world give their runs the same ids, and one that is made again gives them again.
  const random = world.random.fork(`upload ${runner}`).fork(`${run.runId} at ${startedAt}`);
  const unique = random.uint32().toString(16).padStart(8, '0');
  for (const name of UPLOAD_ORDER) {
    if (isOver(run)) break;
    const path = `${run.command.jobId ?? ''}_${unique}/${name}`;
    await uploadOne(run, uploader, path, logs, name);
  }
  instruments.uploadLatency.record(world.clock.now() - startedAt);
}

/** True after an abort, or when a bound has passed: later results are ignored. */
function isOver(run: RunContext): boolean {
  return run.stop === 'abort' || run.phase !== 'upload';
}

async function uploadOne(
  run: RunContext,
  uploader: LogUploader,
  path: string,
  logs: RunLogs,
  name: LogName,
): Promise<void> {
  const { world, instruments } = run.parts;
  const startedAt = world.clock.now();
  run.acquired('upload', name);
  run.uploading = name;
  try {
    const url = await withinBound(run, uploader, path, logs, name);
    if (isOver(run)) return;
    checkUrl(url);
    instruments.uploads.increment();
    if (name === 'stdout') run.stdoutRef = url;
    if (name === 'stderr') run.stderrRef = url;
  } catch (error) {
    if (isOver(run)) return;
    instruments.logUploadFailures.increment();
    run.recorded('upload', error);
  } finally {
    if (run.uploading === name) {
      run.uploading = undefined;
      run.freed('upload', name);
    }
    instruments.logUploadLatency.record(world.clock.now() - startedAt);
  }
}

/** One upload, cancelled and failed when the uploader's own limit has passed (R102). */
function withinBound(
  run: RunContext,
  uploader: LogUploader,
  path: string,
  logs: RunLogs,
  name: LogName,
): MaybePromise<string> {
  const { uploadBoundMs } = uploader;
  const cancellation = run.freshCancellation();
  const upload = uploader.upload(path, logs[name], cancellation);
  if (uploadBoundMs === undefined || uploadBoundMs === Infinity || !isPending(upload)) return upload;
  return new Promise((resolve, reject) => {
    const timer = run.parts.world.clock.endOfInstant(run.topic('upload').plus('bound'), uploadBoundMs, () => {
      cancellation.cancel();
      reject(
        new RunnerError('RUNNER_OUTPUT_FAILED', `upload of ${name} took longer than ${uploadBoundMs} ms`),
      );
    });
    run.uploadTimer = timer;
    upload.then(
      (url) => {
        timer.cancel();
        resolve(url);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
