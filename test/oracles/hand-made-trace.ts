import type { Command } from '../../src/model/command.ts';
import { makeRunStatus, type RunStatus } from '../../src/model/run-status.ts';
import type { RunState } from '../../src/model/run-state.ts';
import type { InvocationPhase, ResourceKind, TraceEvent } from '../../src/model/trace-event.ts';
import { defaultRules } from '../../src/oracles/default-oracles.ts';
import type { Violation } from '../../src/oracles/oracle.ts';
import type { RunRule } from '../../src/oracles/run-rules.ts';
import { watchRuns } from '../../src/oracles/watch-runs.ts';

const TAGS = { jobId: '', taskId: '', tag: '' };
const REFS = { stdoutRef: 'out', stderrRef: 'err' };

/** A status as it stands in a trace. */
export function statusOf(runId: string, state: RunState, refs: Partial<typeof REFS> = {}): RunStatus {
  const { stdoutRef, stderrRef } =
    state === 'PENDING' ? { stdoutRef: '', stderrRef: '' } : { ...REFS, ...refs };
  return makeRunStatus(
    runId,
    state,
    TAGS,
    { stdoutRef, stderrRef },
    { snapshotId: '', exitCode: 0, error: '' },
  );
}

/** A trace that is written by hand: each verb adds the events that a runner would make. */
export class HandMadeTrace {
  readonly events: TraceEvent[] = [];
  atMs = 0;
  readonly #runner: string;

  constructor(runner = 'r') {
    this.#runner = runner;
  }

  /** Lets time pass. */
  wait(ms: number): this {
    this.atMs += ms;
    return this;
  }

  status(runId: string, state: RunState, refs: Partial<typeof REFS> = {}): this {
    return this.#add({ type: 'status', status: statusOf(runId, state, refs) });
  }

  /** The two events of an acceptance. */
  accept(runId: string, command: Command = { argv: [] }): this {
    this.status(runId, 'PENDING');
    return this.#add({ type: 'accepted', runId, command });
  }

  phase(runId: string, phase: InvocationPhase): this {
    return this.#add({ type: 'phase', runId, phase });
  }

  acquire(runId: string, resource: ResourceKind, name: string = resource): this {
    return this.#add({ type: 'acquired', runId, resource, name });
  }

  free(runId: string, resource: ResourceKind, name: string = resource): this {
    return this.#add({ type: 'freed', runId, resource, name });
  }

  abandon(runId: string, resource: ResourceKind, name: string = resource): this {
    return this.#add({ type: 'abandoned', runId, resource, name });
  }

  abort(runId: string): this {
    return this.#add({ type: 'abort', runId });
  }

  evict(runId: string): this {
    return this.#add({ type: 'evicted', runId });
  }

  release(): this {
    return this.#add({ type: 'released' });
  }

  metric(name: string, value: number): this {
    return this.#add({ type: 'metric', name, value });
  }

  /** From the queue to RUNNING, with a checkout, an output and a process. */
  start(runId: string): this {
    this.phase(runId, 'preprocess').phase(runId, 'checkout').acquire(runId, 'checkout');
    this.phase(runId, 'outputs').acquire(runId, 'output').phase(runId, 'exec').acquire(runId, 'process');
    return this.status(runId, 'RUNNING').phase(runId, 'wait');
  }

  /** Gives back what `start` took. */
  cleanUp(runId: string): this {
    this.free(runId, 'process').phase(runId, 'close').free(runId, 'output');
    return this.phase(runId, 'release').free(runId, 'checkout').phase(runId, 'end');
  }

  /** A whole run. */
  run(runId: string, end: RunState = 'COMPLETE', command: Command = { argv: [] }): this {
    return this.accept(runId, command).start(runId).wait(1).cleanUp(runId).status(runId, end);
  }

  #add(event: Record<string, unknown>): this {
    this.events.push({ at: this.atMs, runner: this.#runner, ...event } as unknown as TraceEvent);
    return this;
  }
}

/** What the rules say of a trace that ends now. */
export function violationsOf(
  { events, atMs }: HandMadeTrace,
  rules: readonly RunRule[] = defaultRules,
): Violation[] {
  const violations: Violation[] = [];
  const oracle = watchRuns(rules)((violation) => violations.push(violation));
  for (const event of events) oracle.watch(event);
  oracle.end(atMs);
  return violations;
}
