/** How one call of a simulated filer goes. Plain data, so that a plan can be generated, shrunk and kept in a file. */
import { checkDuration } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ExitCode } from '../model/exit-code.ts';

/** What a simulated filer can be asked for. `checkout` stands for `checkoutAt` too, `ingest` for `ingestMap`. */
export type FilerOperation = 'checkout' | 'ingest' | 'update' | 'release';

/** All operations. */
export const FILER_OPERATIONS: readonly FilerOperation[] = Object.freeze([
  'checkout',
  'ingest',
  'update',
  'release',
]);

/** How one call goes (R175). The empty one answers at once and succeeds. */
export interface FilerBehaviour {
  /** How long it takes. Default 0: the answer is there when the call returns. */
  readonly latencyMs?: number;
  /** It fails at its end: with that exit code, or without code (then `RUNNER_FILER_FAILED`). */
  readonly fail?: { readonly text: string; readonly exitCode?: ExitCode };
  /** It never ends by itself. */
  readonly hang?: boolean;
  /** How long after a cancellation it takes to fail. Default 0. */
  readonly cancelMs?: number;
  /** It ignores cancellation: a filer that breaks its promise (R106). */
  readonly deaf?: boolean;
}

/** Behaviours by operation, a list each. */
export type FilerBehaviours = Partial<Record<FilerOperation, readonly FilerBehaviour[]>>;

/**
 * Refuses behaviours that mean nothing.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT`.
 */
export function checkFilerBehaviour(behaviour: FilerBehaviour): void {
  checkDuration('latencyMs', behaviour.latencyMs ?? 0);
  checkDuration('cancelMs', behaviour.cancelMs ?? 0);
  const { exitCode = 0 } = behaviour.fail ?? {};
  if (!Number.isInteger(exitCode)) throw invalidArgument('fail.exitCode', 'an integer', exitCode);
}

/** What a call does that goes so, as far as it is not usual; empty for what is. */
export function behaviourText(behaviour: FilerBehaviour, usual: FilerBehaviour): string {
  const { latencyMs = 0, fail, hang = false, deaf = false, cancelMs = 0 } = behaviour;
  const parts = [
    ...(latencyMs === (usual.latencyMs ?? 0) || hang ? [] : [`takes ${latencyMs} ms`]),
    ...(hang ? ['hangs until it is cancelled'] : []),
    ...(fail === undefined ? [] : [`fails ("${fail.text}")`]),
    ...(deaf ? ['ignores cancellation'] : []),
    ...(cancelMs > 0 ? [`takes ${cancelMs} ms to honour cancellation`] : []),
  ];
  return parts.join(' and ');
}

/** The faults in a behaviour, as they are called in traces; none for the plain one. Latency alone is no fault. */
export function faultsIn(behaviour: FilerBehaviour): string[] {
  const faults: string[] = [];
  if (behaviour.fail !== undefined) faults.push('fail');
  if (behaviour.hang === true) faults.push('hang');
  if (behaviour.deaf === true) faults.push('deaf');
  if ((behaviour.cancelMs ?? 0) > 0) faults.push('slow-cancel');
  return faults;
}
