/** Describes which answer a call in flight on a runner should have got, with the rules that say so. */
import type { ServiceCall } from '../../call/service-call.ts';
import type { RunID } from '../../model/run-status.ts';

/** The earliest and the latest time at which a run is over. */
type OverMs = Readonly<Record<'lo' | 'hi', number>>;

/** A call whose answer depends on no run other than the one it aborts. */
export type PlainCall = Exclude<ServiceCall, { readonly method: 'query' }>;

/**
 * `atMs`: when the call was made, if its answer must come in that instant; `aborted`: the run of an abort, if it
 * exists, and the rule for it (`ruleOfAbort`).
 */
export function owedAnswer(
  { method }: PlainCall,
  atMs: number | undefined,
  aborted: { readonly runId: RunID; readonly overMs: OverMs; readonly rule: string } | undefined,
): string {
  switch (method) {
    case 'run':
      return atMs === undefined
        ? 'an answer (R65)'
        : `an answer at ${atMs} ms, in the instant of the call (R65)`;
    case 'abort':
      return aborted === undefined
        ? 'an answer (R72)'
        : `an answer once run ${aborted.runId} is over${overText(aborted.overMs)} (${aborted.rule})`;
    case 'queryNow':
    case 'status':
    case 'statusAll':
      return `an answer${atMs === undefined ? '' : ` at ${atMs} ms`}, without waiting (R25 R30)`;
    case 'release':
      return 'an answer once all runs are over (R85)';
  }
}

/** The answer to a wait that only a release ends. */
export function owedByRelease(releasedAtMs: number): string {
  return `its end with the release of the runner, at ${releasedAtMs} ms (R84)`;
}

/** Since when a run is over, as part of a sentence; empty if it may never be over. */
export function overText({ lo, hi }: OverMs): string {
  if (hi === Infinity) return '';
  return lo === hi ? `, which it is since ${lo} ms` : `, which it is since ${hi} ms at the latest`;
}
