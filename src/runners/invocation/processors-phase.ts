/** Calls pre- and postprocessors in list order; a failure is recorded and does not affect the run (R90). */
import type { Processor } from '../../model/collaborators.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';

/** A stop cancels the running preprocessor and skips the rest of the list (R105). */
export const preprocessPhase: Phase = {
  isIdle: (run) => run.parts.preprocessors.length === 0,
  begin: (run) => runAll(run, run.parts.preprocessors, true),
  boundMs: (run) => longest(run.parts.preprocessors),
  abandon: (run) => run.recorded('preprocess', 'did not stop within its bound'),
};

/** Every postprocessor runs on every path, failures and aborts included. */
export const postprocessPhase: Phase = {
  isIdle: (run) => run.parts.postprocessors.length === 0,
  begin: (run) => runAll(run, run.parts.postprocessors, false),
  boundMs: (run) => run.parts.postprocessors.reduce((sum, { cancelBoundMs }) => sum + cancelBoundMs, 0),
  abandon: (run) => {
    run.cancellation?.cancel();
    run.recorded('postprocess', 'did not end within its bound');
  },
};

async function runAll(run: RunContext, processors: readonly Processor[], stoppable: boolean): Promise<void> {
  const cancellation = run.freshCancellation();
  for (const processor of processors) {
    if (cancellation.cancelled && stoppable) return;
    try {
      await processor.process(run.command, cancellation);
    } catch (error) {
      run.recorded(processor.name, error);
    }
  }
}

function longest(processors: readonly Processor[]): number {
  return processors.reduce((most, { cancelBoundMs }) => Math.max(most, cancelBoundMs), 0);
}
