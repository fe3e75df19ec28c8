/**
 * What makes the globals of the machine (timers, dates, randomness) those of a simulation, seen from the simulation. Invariant: it is in
 * force only while a burst of the drain runs, so that test runners, consoles and other tests keep the machine's own meanwhile.
 */
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Topic } from '../kernel/question.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { HostedProcess, ProcessParts } from '../model/process-host.ts';
import type { Tracer } from '../model/trace-event.ts';
import type { FailureFact } from './failure-fact.ts';
import type { ReportFailure } from './verdict.ts';

/** What sets a timer or an immediate of ambient time: it is the owner of the topic of its event, whose `what` is the name of the function that is called. */
export type AmbientTimerKind = 'setTimeout' | 'setInterval' | 'setImmediate';

/** What it is given of a simulation. */
export interface AmbientParts {
  readonly clock: VirtualClock;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer: Tracer;
  readonly report: ReportFailure;
  /** True if places are captured, for reports. */
  readonly capturePlaces: boolean;
}

/** What is in force during one simulation. */
export interface AmbientSession {
  /** From now on code sees the simulation. */
  enter(): void;
  /** From now on code sees the machine. */
  leave(): void;
  /** As `enter`, until the next turn of the simulation: it waits for Node, which calls its code meanwhile. */
  stay(): void;
  /** True while it waits for something of the machine that is allowed: the simulation is not over then, though nothing is due. */
  readonly isWaiting: boolean;
  /** What is pending does not fire until {@link resume}, and keeps nothing in the queue of the clock. */
  pause(): void;
  /** Timers that were pending fire again. */
  resume(): void;
  /** The simulation has ended: what is pending never fires, and globals that its code has replaced are put back for the next one. */
  end(): void;
  /** The globals as a process of a simulated machine sees them: its timers die with it and are on its clock. Once it enters, code sees those. */
  beginProcess(parts: ProcessParts): HostedProcess;
  /** Code sees those of the scenario again. */
  leaveProcess(): void;
  /** The name of a global that code of the simulation has replaced and not put back; undefined if none is. To be asked at its end. */
  replaced(): string | undefined;
  /** What fires now, or did last, and where it was set if places are captured: who throws something without a stack is found by it. Undefined before the first. */
  firing(): FailureFact | undefined;
  /** Each timer that is left and would keep a process alive: what, due when, and where it was set if places are captured. */
  leftovers(): readonly FailureFact[];
}

/** Who owns what is asked about an await: how its site begins. */
export const AWAIT_OWNERS: readonly string[] = Object.freeze([
  ...['await using', 'await', 'for await', 'yield*', 'yield', 'return', 'then'],
]);

/** Whether an event or a question is about how late an await goes on. */
export function isAboutAwait({ owner }: Topic): boolean {
  return typeof owner === 'string' && AWAIT_OWNERS.includes(owner);
}

/** Option `ambient` of a simulation. Made by `ambientTime` of `dryrunner/ambient`. */
export interface Ambience {
  /** The same with awaits in the engine's order, late by microtasks only; absent if they are so already. */
  readonly native?: Ambience;
  /** @throws RunnerError `RUNNER_SIMULATION_MISUSE` if code would not see it, because somebody else has replaced the globals. */
  begin(parts: AmbientParts): AmbientSession;
}
