/**
 * What a simulation does for the processes of the simulated machines in it. Invariant: the code of at most one process runs in an event,
 * from where it enters until the next event fires.
 */
import type { Choices } from '../kernel/decisions.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';

/** The clock of a process, for timers that are kept in lists of their own until they are first. */
export type ProcessClock = Pick<VirtualClock, 'now' | 'epochMs' | 'currentEventId' | 'queued'> & {
  /** How long a timer of `ms` takes that is set now. */
  slowed(ms: number): number;
};

/** What the simulation is given of a process. */
export interface ProcessParts {
  readonly name: string;
  readonly clock: ProcessClock;
  /** Decided like all others while it lives; 0 once it is dead. */
  readonly choices: Choices;
  readonly random: RandomStream;
  /** False: what its code leaves uncaught is the scenario's. */
  readonly catches: boolean;
  readonly isAlive: boolean;
  /** Gets that; also after its death, what it has left uncaught before. */
  fail(error: unknown): void;
}

/** A machine as reports name it. */
export interface DescribedMachine {
  /** Its state in a few words. */
  describe(): string;
}

/** A process as its simulation knows it. */
export interface HostedProcess {
  /** From now until the next event its code runs. */
  enter(): void;
  /** It is dead. */
  end(): void;
}

/** A process as who has started it knows it. */
export interface StartedProcess extends HostedProcess {
  /** Calls it in the midst of other code: what it leaves uncaught until it returns is of the process. */
  within(code: () => void): void;
}

/** What a simulation that hosts code of processes offers them. */
export interface ProcessHost {
  /** True if its processes see their own time in the globals of the machine: whatever they do is then in an event of their own. */
  readonly isAmbient: boolean;
  /** The clock under those of all processes. */
  readonly clock: Pick<VirtualClock, 'now' | 'currentEventId' | 'queued'>;
  begin(parts: ProcessParts): StartedProcess;
  /** The simulation has failed. */
  fail(message: string, error: unknown): void;
  addMachine(machine: DescribedMachine): void;
}
