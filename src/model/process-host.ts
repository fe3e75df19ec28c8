/**
 * What a simulation provides for the processes of its simulated machines. Invariant: at most one process runs code in
 * an event, from the point where it enters until the next event fires.
 */
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';

/** Clock of a process, for code that keeps timers in lists of its own and queues only the earliest. */
export type ProcessClock = Pick<VirtualClock, 'now' | 'epochMs' | 'currentEventId' | 'queued'> & {
  /** How long a timer of `ms` set now takes, in milliseconds: more than `ms` while the process is slow. */
  slowed(ms: number): number;
};

/** What a process passes to its simulation. */
export interface ProcessParts {
  readonly name: string;
  readonly clock: ProcessClock;
  /** Decides like the simulation's own choices while the process is alive; always answers 0 once it is dead. */
  readonly choices: Choices;
  readonly random: RandomStream;
  /** False: uncaught errors of its code are failures of the scenario; true: they go to `fail`. */
  readonly catches: boolean;
  readonly isAlive: boolean;
  /** Gets uncaught errors of the process, also after its death those that it left before. */
  fail(error: unknown): void;
}

/** A machine that reports name. */
export interface DescribedMachine {
  /** Its state in a few words. */
  describe(): string;
}

/** A process as its simulation sees it. */
export interface HostedProcess {
  /** From now until the next event, the process runs code. */
  enter(): void;
  /** The process has died. */
  end(): void;
}

/** A process as the code that started it sees it. */
export interface StartedProcess extends HostedProcess {
  /** Runs `code` in the middle of other code: an error left uncaught before it returns belongs to the process. */
  within(code: () => void): void;
}

/** What a simulation offers if it hosts code of processes. */
export interface ProcessHost {
  /**
   * True if the processes see their own time in the machine's globals; whatever they do is then in an event of their
   * own.
   */
  readonly isAmbient: boolean;
  /** The simulation's clock, from which the clocks of all processes derive. */
  readonly clock: Pick<VirtualClock, 'now' | 'currentEventId' | 'queued'>;
  begin(parts: ProcessParts): StartedProcess;
  /** Fails the simulation. */
  fail(message: string, error: unknown): void;
  addMachine(machine: DescribedMachine): void;
  /** Reports no longer name it. */
  removeMachine(machine: DescribedMachine): void;
}
