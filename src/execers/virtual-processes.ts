/**
 * The processes of one execer in virtual time: their clock and settings, and which are alive. Invariant: every process
 * that was entered leaves once, and the trace shows both (R204).
 */
import * as is from '../kernel/shape.ts';
import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/invariant.ts';
import type { ExecCommand } from '../model/execer.ts';
import { TRACER } from '../model/argument-shapes.ts';
import type { Tracer } from '../model/trace-event.ts';

/** The common options of execers in virtual time. */
export interface VirtualExecerOptions {
  readonly clock: Clock;
  /** Records when each process starts and ends. Default: no trace, at no cost. */
  readonly tracer?: Tracer | undefined;
  /** The runner's name in the trace. Default `runner`. */
  readonly runner?: string | undefined;
  /** The time from SIGTERM to SIGKILL when an aborted process ignores SIGTERM. Default 10,000 ms (R125). */
  readonly graceMs?: number | undefined;
  /** How long the end of a process waits for slow sinks; output not written by then is cut. Default 1,000 ms. */
  readonly drainGraceMs?: number | undefined;
}

/** The shapes of these options. */
export const VIRTUAL_EXECER_FIELDS: is.ShapesOf<VirtualExecerOptions> = {
  clock: is.CLOCK,
  tracer: TRACER,
  runner: is.TEXT,
  graceMs: is.DURATION_MS,
  drainGraceMs: is.DURATION_MS,
};

/** The options with their defaults, and the number of live processes. */
export class ProcessTable {
  readonly clock: Clock;
  readonly graceMs: number;
  readonly drainGraceMs: number;
  readonly #tracer: Tracer | undefined;
  readonly #runner: string;
  #living = 0;
  #nameless = 0;

  constructor({ clock, tracer, runner = 'runner', ...times }: VirtualExecerOptions) {
    this.clock = clock;
    this.graceMs = times.graceMs ?? 10_000;
    this.drainGraceMs = times.drainGraceMs ?? 1000;
    this.#tracer = tracer;
    this.#runner = runner;
  }

  /** An abort takes at most the grace and the drain (R199). */
  get cancelBoundMs(): number {
    return this.graceMs + this.drainGraceMs;
  }

  /** Number of processes that are alive, children included. */
  get living(): number {
    return this.#living;
  }

  /** The run id, or `#0`, `#1`, … for commands without a run. */
  nameOf(command: ExecCommand): string {
    return command.runId ?? `#${this.#nameless++}`;
  }

  enter(runId: string, child = ''): void {
    this.#living++;
    if (this.#tracer !== undefined) this.#trace(this.#tracer, 'acquired', runId, child);
  }

  leave(runId: string, child = ''): void {
    this.#living--;
    invariant(this.#living >= 0, () => `expected process ${runId}${child} to leave once`);
    if (this.#tracer !== undefined) this.#trace(this.#tracer, 'freed', runId, child);
  }

  #trace(tracer: Tracer, type: 'acquired' | 'freed', runId: string, child: string): void {
    const name = `process/${runId}${child}`;
    tracer.record({ at: this.clock.now(), type, runner: this.#runner, runId, resource: 'process', name });
  }
}
