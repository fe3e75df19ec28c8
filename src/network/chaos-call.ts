/** One call on its way through chaos: what it is about and how much of its time is left. */
import type { Clock } from '../kernel/clock.ts';
import { shownText } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { Query, Wait } from '../model/query.ts';
import type { RunID } from '../model/run-status.ts';
import type { ChaosOperation } from './chaos-fault.ts';
import { querySubject } from '../model/query-subject.ts';

interface Timing {
  readonly clock: Clock;
  readonly wait: Wait;
}

/** Describes a call; made once per call. */
export class ChaosCall {
  readonly operation: ChaosOperation;
  /** The run it is about, empty if there is none or more than one. */
  readonly runId: RunID;
  /** Ends a hold; only a `query` has one. */
  readonly signal: AbortSignal | undefined;
  readonly #subject: string;
  #label: string | undefined;
  readonly #clock: Clock | undefined;
  readonly #startMs: number = 0;
  readonly #timeoutMs: number = Infinity;

  private constructor(operation: ChaosOperation, subject: string, runId: RunID, timing?: Timing) {
    this.operation = operation;
    this.runId = runId;
    this.#subject = subject;
    if (timing === undefined) return;
    this.#clock = timing.clock;
    this.#startMs = timing.clock.now();
    this.#timeoutMs = timing.wait.timeoutMs;
    this.signal = timing.wait.signal;
  }

  static run({ taskId, tag, jobId }: Command): ChaosCall {
    return new ChaosCall('run', firstOf(taskId, tag, jobId), '');
  }

  static onRun(operation: 'abort' | 'status', runId: RunID): ChaosCall {
    return new ChaosCall(operation, shownText(runId), runId);
  }

  static statusAll(): ChaosCall {
    return new ChaosCall('statusAll', '', '');
  }

  static queryNow(query: Query): ChaosCall {
    return new ChaosCall('queryNow', querySubject(query), onlyRun(query));
  }

  static query(query: Query, clock: Clock, wait: Wait): ChaosCall {
    return new ChaosCall('query', querySubject(query), onlyRun(query), { clock, wait });
  }

  /** A stable name for labels: `NAME OPERATION SUBJECT`; NAME is the same whenever it is asked for. */
  label(name: string): string {
    this.#label ??=
      this.#subject === '' ? `${name} ${this.operation}` : `${name} ${this.operation} ${this.#subject}`;
    return this.#label;
  }

  /** What is left of the query's timeout (R151); `Infinity` for all other calls. */
  get leftMs(): number {
    if (this.#clock === undefined) return Infinity;
    return Math.max(0, this.#timeoutMs - (this.#clock.now() - this.#startMs));
  }
}

function firstOf(...names: readonly (string | undefined)[]): string {
  return names.find((name) => name !== undefined && name !== '') ?? '';
}

function onlyRun({ runs = [], allRuns = false }: Query): RunID {
  const [first = ''] = runs;
  return runs.length === 1 && !allRuns ? first : '';
}
