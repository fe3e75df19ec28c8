/** How long each phase of a run may take once the run is to stop: the sum of what its collaborators promise (R199). */
import { checkRecord } from '../kernel/argument-check.ts';
import { LOCAL_BOUND_MS } from '../model/collaborators.ts';
import type { LogUploader, Processor, TempDirs } from '../model/collaborators.ts';
import type { Execer } from '../model/execer.ts';
import type { Filer } from '../model/filer.ts';
import type { InvocationPhase } from '../model/trace-event.ts';

/** Milliseconds by phase; what hits a run in a phase must be over within the bounds of that phase and those that may follow. */
export type PhaseBounds = Readonly<Record<InvocationPhase, number>>;

/** The promises that matter; what is absent takes no time. */
export interface BoundedCollaborators {
  readonly execer: Pick<Execer, 'cancelBoundMs'>;
  readonly filers?: readonly Pick<Filer, 'cancelBoundMs'>[];
  readonly tempDirs?: Pick<TempDirs, 'boundMs'>;
  readonly preprocessors?: readonly Pick<Processor, 'cancelBoundMs'>[];
  readonly postprocessors?: readonly Pick<Processor, 'cancelBoundMs'>[];
  readonly uploader?: Pick<LogUploader, 'cancelBoundMs'>;
  /** For opening and closing outputs and measuring directories; default 10,000, as for runners. */
  readonly localBoundMs?: number;
}

/** The bounds of a runner that is made of these. */
export function phaseBounds(parts: BoundedCollaborators): PhaseBounds {
  checkRecord('parts', 'the collaborators of a runner', parts);
  checkRecord('execer', 'an Execer', parts.execer);
  const { execer, filers = [], tempDirs, preprocessors = [], postprocessors = [], uploader } = parts;
  const { localBoundMs = LOCAL_BOUND_MS } = parts;
  const checkout = Math.max(tempDirs?.boundMs ?? 0, ...filers.map(({ cancelBoundMs }) => cancelBoundMs));
  return {
    // A stop ends the list after the preprocessor at work; postprocessors all run.
    preprocess: Math.max(0, ...preprocessors.map(({ cancelBoundMs }) => cancelBoundMs)),
    checkout,
    outputs: localBoundMs,
    exec: execer.cancelBoundMs,
    wait: execer.cancelBoundMs,
    measure: localBoundMs,
    upload: uploader?.cancelBoundMs ?? 0,
    close: localBoundMs,
    release: checkout,
    postprocess: postprocessors.reduce((sum, { cancelBoundMs }) => sum + cancelBoundMs, 0),
    end: 0,
  };
}
