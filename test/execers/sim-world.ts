/** A sim execer on a virtual clock, with everything that it does written down in the order in which it happens. */
import { isPending } from '../../src/model/maybe-promise.ts';
import type { ExecCommand, Process, ProcessStatus } from '../../src/model/execer.ts';
import type { Chunk } from '../../src/model/output.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import type { SimExecer, SimExecerOptions } from '../../src/execers/sim-execer.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

/** One write, as `12 stdout text`. */
export type Written = string;

export interface SimWorld {
  readonly clock: VirtualClock;
  readonly execer: SimExecer;
  /** All writes of all processes. */
  readonly written: Written[];
  /** The trace, each event as `12 acquired process/3`. */
  readonly trace: string[];
  start(argv: readonly string[], extra?: Partial<ExecCommand>): Process;
  /** Fires what is due within `ms` and moves time there. */
  advance(ms: number): void;
  /** Fires everything. */
  finish(): void;
}

/** Fires all events, at most 100,000 of them. */
export function fireAll(clock: VirtualClock): void {
  for (let fired = 0; clock.step(); fired++) {
    if (fired > 100_000) throw new Error(`still pending: ${clock.pendingLabels(3).join(', ')}`);
  }
}

export function fireFor(clock: VirtualClock, ms: number): void {
  const untilUs = clock.nowUs + Math.round(ms * 1000);
  while (clock.nextTimeUs <= untilUs) clock.step();
  clock.skipTo(untilUs);
}

/** The final status of a process that has one, else `running`. */
export function statusOf(process: Process): ProcessStatus | 'running' {
  const status = process.wait();
  return isPending(status) ? 'running' : status;
}

/** The command of a script with its writes logged. */
export function loggedCommand(clock: VirtualClock, written: Written[], argv: readonly string[]): ExecCommand {
  const sink = (stream: string) => ({
    write: (chunk: Chunk) => {
      written.push(`${clock.now()} ${stream} ${String(chunk)}`);
    },
  });
  return {
    argv,
    dir: '/',
    jobId: 'job',
    taskId: 'task',
    tag: '',
    stdout: sink('stdout'),
    stderr: sink('stderr'),
  };
}

export function traceLine(event: TraceEvent): string {
  const name = 'name' in event ? event.name : '';
  return `${event.at} ${event.type} ${name}`;
}

export function simWorld(options: Partial<SimExecerOptions> = {}): SimWorld {
  const clock = createVirtualClock();
  const written: Written[] = [];
  const trace: string[] = [];
  const tracer = { record: (event: TraceEvent) => trace.push(traceLine(event)) };
  const execer = createSimExecer({ clock, tracer, ...options });
  return {
    clock,
    execer,
    written,
    trace,
    start: (argv, extra = {}) => execer.exec({ ...loggedCommand(clock, written, argv), ...extra }),
    advance: (ms) => fireFor(clock, ms),
    finish: () => fireAll(clock),
  };
}

export const complete = (exitCode: number): ProcessStatus => ({ state: 'COMPLETE', exitCode, error: '' });

export const aborted = (signal: 'SIGTERM' | 'SIGKILL'): ProcessStatus => ({
  state: 'FAILED',
  exitCode: -1,
  error: `Aborted (${signal})`,
  signal,
});
