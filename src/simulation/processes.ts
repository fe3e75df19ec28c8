/**
 * The processes of one simulation, and which one's code is running. Invariant: between two events, that is the
 * scenario.
 */
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type {
  DescribedMachine,
  HostedProcess,
  ProcessHost,
  ProcessParts,
  StartedProcess,
} from '../model/process-host.ts';
import type { AmbientSession } from './ambience.ts';

/** A process of a simulated machine, with its globals in ambient time. */
export class RunningProcess implements StartedProcess {
  readonly parts: ProcessParts;
  readonly #processes: Processes;
  readonly #ambient: HostedProcess | undefined;

  constructor(processes: Processes, parts: ProcessParts, ambient: HostedProcess | undefined) {
    this.#processes = processes;
    this.parts = parts;
    this.#ambient = ambient;
  }

  enter(): void {
    this.#processes.current = this;
    this.#processes.onEvent?.(this);
    this.#ambient?.enter();
  }

  within(code: () => void): void {
    this.#processes.runWithin(this, code);
  }

  end(): void {
    this.#ambient?.end();
  }
}

/** The parts of the simulation that {@link Processes} use. */
export interface ProcessesParts {
  readonly clock: VirtualClock;
  session(): AmbientSession | undefined;
  fail(message: string, error: unknown): void;
  /** Runs code inside another process's event; uncaught errors of the code belong to `process`. */
  runWithin(process: RunningProcess, code: () => void): void;
}

/** All processes of one simulation. */
export class Processes implements ProcessHost {
  current: RunningProcess | undefined;
  /** Called with the process when one of its events begins, and with undefined when the event is over. */
  onEvent: ((process: RunningProcess | undefined) => void) | undefined;
  readonly clock: VirtualClock;
  readonly #parts: ProcessesParts;
  readonly #machines = new Set<DescribedMachine>();

  constructor(parts: ProcessesParts) {
    this.clock = parts.clock;
    this.#parts = parts;
  }

  get isAmbient(): boolean {
    return this.#parts.session() !== undefined;
  }

  begin(parts: ProcessParts): StartedProcess {
    return new RunningProcess(this, parts, this.#parts.session()?.beginProcess(parts));
  }

  runWithin(process: RunningProcess, code: () => void): void {
    this.#parts.runWithin(process, code);
  }

  fail(message: string, error: unknown): void {
    this.#parts.fail(message, error);
  }

  addMachine(machine: DescribedMachine): void {
    this.#machines.add(machine);
  }

  removeMachine(machine: DescribedMachine): void {
    this.#machines.delete(machine);
  }

  /** The event is over: the scenario's code runs again. */
  leave(): void {
    if (this.current === undefined) return;
    this.current = undefined;
    this.onEvent?.(undefined);
    this.#parts.session()?.leaveProcess();
  }

  /** One line about all machines, for reports; empty if there are none. */
  describe(): string[] {
    return this.#machines.size === 0
      ? []
      : [`nodes: ${Array.from(this.#machines, (machine) => machine.describe()).join(', ')}`];
  }
}
