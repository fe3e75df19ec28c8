/**
 * The processes of one execer in virtual time: where they live and which are alive. Invariant: every process that was entered
 * leaves once, and the trace shows both (R204).
 */
import * as is from '../kernel/shape.ts';
import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/invariant.ts';
import type { ExecCommand } from '../model/execer.ts';
import { TRACER } from '../model/argument-shapes.ts';
import type { Tracer } from '../model/trace-event.ts';

/** What the execers in virtual time have in common. */
export interface VirtualExecerOptions {
  readonly clock: Clock;
  /** Sees each process come and go; absent costs nothing. */
  readonly tracer?: Tracer | undefined;
  /** Names the runner in the trace; default `runner`. */
  readonly runner?: string | undefined;
  /** From SIGTERM to SIGKILL when an abort meets a process that ignores SIGTERM; default 10,000 ms (R125). */
  readonly graceMs?: number | undefined;
  /** How long the end of a process waits for sinks that are slow; what is not written then is cut; default 1,000 ms. */
  readonly drainGraceMs?: number | undefined;
}

/** The shapes of those. */
export const VIRTUAL_EXECER_FIELDS: is.ShapesOf<VirtualExecerOptions> = {
  clock: is.CLOCK,
  tracer: TRACER,
  runner: is.TEXT,
  graceMs: is.DURATION_MS,
  drainGraceMs: is.DURATION_MS,
};

/** Options with their defaults, and the count of the living. */
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

  /** An abort is over within the grace and the drain (R199). */
  get cancelBoundMs(): number {
    return this.graceMs + this.drainGraceMs;
  }

  /** Processes that are alive, children included. */
  get living(): number {
    return this.#living;
  }

  /** The run id, or `#0`, `#1`, … for commands that belong to no run. */
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
