/**
 * What a Bazel run learns on its way: action, command, times, result or failure (R187–R194). Invariant: it returns a
 * result only for a run that is COMPLETE, a failure only for one that FAILED, and all times are of the runner's clock.
 */
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import {
  RPC_CODES,
  type Action,
  type ActionCommand,
  type ActionMetadata,
  type ActionOutcome,
  type ActionResult,
  type ExecuteRequest,
  type RpcStatus,
} from '../../model/action.ts';
import type { Command } from '../../model/command.ts';
import {
  isPassingFailure,
  isOutOfFiles,
  isOutOfRoom,
  missingBlobsOf,
  violationsOf,
} from '../../model/content-store.ts';
import { digestOfSnapshot, type Digest } from '../../model/digest.ts';
import type { InvocationPhase } from '../../model/trace-event.ts';
import type { ActionInstruments } from '../queue/runner-instruments.ts';
import type { Outcome } from './invocation-state.ts';
import type { InvokerParts } from './invoker-parts.ts';

/** A time in the metadata. */
type ActionTime = Exclude<keyof ActionMetadata, 'worker'>;
/** A duration from a start to now. */
type ActionSpan = Exclude<keyof ActionInstruments, 'cached' | 'queued'>;

/** A failure in one of these phases is that of the action; later failures do not change its outcome. */
const DECISIVE: ReadonlySet<InvocationPhase> = new Set([
  'lookup',
  'checkout',
  'outputs',
  'prepare',
  'exec',
  'wait',
  'collect',
]);

/** True if a command's snapshot makes it a Bazel run (R184). */
export function isBazel({ snapshotId }: Command): boolean {
  return snapshotId?.startsWith('bz-') === true && digestOfSnapshot(snapshotId) !== undefined;
}

/** What a Bazel run knows so far; see the top of the file. */
export class ActionRun {
  readonly request: ExecuteRequest | undefined;
  action: Action | undefined;
  command: ActionCommand | undefined;
  /** A result from the cache. */
  cached: ActionOutcome | undefined;
  /** The result of the run itself. */
  outcome: ActionOutcome | undefined;
  /** The result is in the cache, or on its way there. */
  isKept = false;
  readonly #parts: InvokerParts;
  readonly #times: { -readonly [time in ActionTime]?: number } = {};
  #failure: RpcStatus | undefined;

  constructor(parts: InvokerParts, { executeRequest }: Command) {
    this.#parts = parts;
    this.request = executeRequest;
    const startedMs = this.note('workerStartMs');
    const queuedMs = executeRequest?.queuedAtMs;
    // A later time comes from another clock and cannot be compared (D102).
    if (queuedMs === undefined || queuedMs > startedMs) return;
    this.#times.queuedMs = queuedMs;
    parts.actionInstruments?.queued.record(startedMs - queuedMs);
  }

  /** Time limit of the process in milliseconds, from its start (R187). */
  get timeoutMs(): number | undefined {
    return this.action?.timeoutMs;
  }

  get metadata(): ActionMetadata {
    return { worker: this.#parts.name, ...this.#times };
  }

  /** The directory inside a checkout in which the command runs. */
  dirIn(checkout: string): string {
    const dir = this.command?.workingDirectory ?? '';
    return dir === '' ? checkout : `${checkout}/${dir}`;
  }

  /** Notes the current time as `time` and returns it, in milliseconds since the Unix epoch. */
  note(time: ActionTime): number {
    const { clock } = this.#parts.world;
    const nowMs = clock.epochMs + clock.now();
    this.#times[time] = nowMs;
    return nowMs;
  }

  /** The process has ended. */
  noteEnd(): void {
    const endedMs = this.note('executionCompletedMs');
    this.#parts.actionInstruments?.execer.record(endedMs - (this.#times.executionStartMs ?? endedMs));
  }

  measure(span: ActionSpan, startedAt: number): void {
    this.#parts.actionInstruments?.[span].record(this.#parts.world.clock.now() - startedAt);
  }

  /** Notes the failure of a phase as clients of the action see it (R188, R189). */
  failWith(phase: InvocationPhase, error: unknown): void {
    if (!DECISIVE.has(phase)) return;
    const missing = phase === 'lookup' || phase === 'checkout' ? this.#missing(error) : undefined;
    this.#failure = statusOf(error, missing);
  }

  /** The result to report with the terminal status; undefined if the request did not name an action. */
  resultOf({ state, error }: Outcome): ActionResult | undefined {
    if (this.request === undefined) return undefined;
    const { actionDigest } = this.request;
    if (state === 'FAILED') {
      const grpcStatus = this.#failure ?? { code: RPC_CODES.INTERNAL, message: error };
      return { actionDigest, cached: false, grpcStatus };
    }
    const result = this.cached ?? this.outcome;
    if (state !== 'COMPLETE' || result === undefined) return undefined;
    return { actionDigest, cached: this.cached !== undefined, result };
  }

  #missing(error: unknown): readonly Digest[] | undefined {
    const root = this.action?.inputRootDigest;
    if (root !== undefined && isRunnerError(error, 'RUNNER_UNKNOWN_SNAPSHOT')) return [root];
    return missingBlobsOf(error);
  }
}

function statusOf(error: unknown, missing: readonly Digest[] | undefined): RpcStatus {
  const message = messageOf(error);
  if (missing !== undefined) {
    return { code: RPC_CODES.FAILED_PRECONDITION, message, violations: violationsOf(missing) };
  }
  if (isRunnerError(error, 'RUNNER_BAD_MESSAGE')) return { code: RPC_CODES.INVALID_ARGUMENT, message };
  if (isOutOfRoom(error) || isOutOfFiles(error)) return { code: RPC_CODES.RESOURCE_EXHAUSTED, message };
  return { code: isPassingFailure(error) ? RPC_CODES.UNAVAILABLE : RPC_CODES.INTERNAL, message };
}
