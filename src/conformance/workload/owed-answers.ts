/** What a call on a runner is owed, with the rules that say so: the words for one that nobody has answered. */
import type { ServiceCall } from '../../call/service-call.ts';
import type { RunID } from '../../model/run-status.ts';

/** From when to when at the latest a run is over. */
type OverMs = Readonly<Record<'lo' | 'hi', number>>;

/** Of calls whose answers need no look at any run but the one that is aborted. */
export type PlainCall = Exclude<ServiceCall, { readonly method: 'query' }>;

/** `atMs`: when it was made, where its answer comes in that instant; `aborted`: the run that an abort is about, if there is one, and the rule of that (`ruleOfAbort`). */
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

/** Of a wait that nothing else ends. */
export function owedByRelease(releasedAtMs: number): string {
  return `its end with the release of the runner, at ${releasedAtMs} ms (R84)`;
}

/** Since when a run is over, as a part of a sentence; empty if it need not be over ever. */
export function overText({ lo, hi }: OverMs): string {
  if (hi === Infinity) return '';
  return lo === hi ? `, which it is since ${lo} ms` : `, which it is since ${hi} ms at the latest`;
}
