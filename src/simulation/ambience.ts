/**
 * The interface between a simulation and the code that replaces the machine's globals (timers, dates, randomness).
 * Invariant: the replacements are in force only while a burst of the drain runs, so that test runners, consoles and
 * other tests keep the machine's own in between.
 */
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Topic } from '../kernel/question.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { HostedProcess, ProcessParts } from '../model/process-host.ts';
import type { Tracer } from '../model/trace-event.ts';
import type { FailureFact } from './failure-fact.ts';
import type { ReportFailure } from './verdict.ts';

/**
 * The global that set a timer or an immediate in ambient time. It is the owner in the topic of the event, whose `what`
 * is the name of the function that is called.
 */
export type AmbientTimerKind = 'setTimeout' | 'setInterval' | 'setImmediate';

/** The parts of a simulation that an ambience uses. */
export interface AmbientParts {
  readonly clock: VirtualClock;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer: Tracer;
  readonly report: ReportFailure;
  /** The result of `load`, which is called outside; until it is there the simulation stands still. */
  readonly hold: <T>(load: () => Promise<T>) => Promise<T>;
  /** Node begins to load a module for an `import()`: the simulation stands still until it is there. */
  readonly noteLoading: () => void;
  /** True if the simulation captures where things are made, for reports. */
  readonly capturePlaces: boolean;
}

/** The replaced globals during one simulation. */
export interface AmbientSession {
  /** From now on, code sees the globals of the simulation. */
  enter(): void;
  /** From now on, code sees the globals of the machine. */
  leave(): void;
  /** As `enter`, until the next turn of the simulation: while the simulation waits for Node, Node may call its code. */
  stay(): void;
  /**
   * True while it waits for an allowed operation of the machine: then the simulation is not over even if nothing is
   * due.
   */
  readonly isWaiting: boolean;
  /** The files of the modules that are being loaded now, as far as Node does not show it. */
  loading(): readonly string[];
  /**
   * True if the machine may run code of the simulation between two of its turns: an operation of the machine was let
   * through to it, or it stays in force.
   */
  readonly mayRunOutside: boolean;
  /** Pending timers do not fire until {@link resume}, and leave the queue of the clock. */
  pause(): void;
  /** Pending timers fire again. */
  resume(): void;
  /**
   * The simulation has ended: pending timers never fire, and globals that its code has replaced are restored for the
   * next simulation.
   */
  end(): void;
  /**
   * Creates the globals of one process on a simulated machine: its timers use the process's clock and die with it. Code
   * sees these globals once the process is entered.
   */
  beginProcess(parts: ProcessParts): HostedProcess;
  /** From now on, code sees the scenario's globals again. */
  leaveProcess(): void;
  /**
   * The name of a global that code of the simulation has replaced and not restored, else undefined. Call it at the end.
   */
  replaced(): string | undefined;
  /** Puts back what {@link replaced} and {@link processLeft} name, for all code after the scenario: a verdict needs `Math`. */
  restoreGlobals(): void;
  /**
   * What else of the process code of the simulation has changed and not put back: `process.exitCode`, the environment, or how stacks
   * are shown. Undefined if there is nothing.
   */
  processLeft(): ProcessLeftover | undefined;
  /**
   * The timer that fires now or fired last, and where it was set if places are captured; used to locate a thrown value
   * without a stack. Undefined before the first.
   */
  firing(): FailureFact | undefined;
  /** Each pending timer that would keep a process alive, in the order in which they are due. */
  leftovers(): readonly AmbientLeftover[];
}

/** What a scenario has changed of the process, and what to do about it. */
export interface ProcessLeftover {
  readonly text: string;
  /** Where it was changed first, if that is known. */
  readonly stack?: string;
}

/** A pending timer or immediate. */
export interface AmbientLeftover {
  readonly setter: AmbientTimerKind;
  /** The name of the function that it would call; may be empty. */
  readonly callback: string;
  readonly atMs: number;
  /** Where it was set, if places are captured. */
  readonly stack?: string;
}

/** Owners of questions about an await: the prefix of its site. */
export const AWAIT_OWNERS: readonly string[] = Object.freeze([
  ...['await using', 'await', 'for await', 'yield*', 'yield', 'return', 'then'],
]);

/** True if an event or a question is about how late an await continues. */
export function isAboutAwait({ owner }: Topic): boolean {
  return typeof owner === 'string' && AWAIT_OWNERS.includes(owner);
}

/** Option `ambient` of a simulation; create one with `ambientTime` of `dryrunner/ambient`. */
export interface Ambience {
  /**
   * The same ambience with awaits in the engine's order, delayed by microtasks only; absent if this one already does
   * that.
   */
  readonly native?: Ambience;
  /**
   * @throws RunnerError `RUNNER_SIMULATION_MISUSE` if code would not see the replacements, because something else has
   * replaced the globals.
   */
  begin(parts: AmbientParts): AmbientSession;
}
