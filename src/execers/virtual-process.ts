/**
 * The base of all processes in virtual time: one end, one promise for it, an abort with SIGTERM, grace and SIGKILL, and
 * output that is delivered before the end is reported. Invariant: the first cause of the end wins (R120), and nothing
 * is written after it (R142).
 */
import type { Timer } from '../kernel/clock.ts';
import { Thing, type Topic } from '../kernel/question.ts';
import type { ExecCommand, MemoryReport, Process, ProcessStatus } from '../model/execer.ts';
import type { Chunk } from '../model/output.ts';
import { FaultLog } from './fault-log.ts';
import type { StreamName } from './process-output.ts';
import { ProcessOutput } from './process-output.ts';
import { abortedProcess, withFaults } from './process-status.ts';
import type { ProcessTable } from './virtual-processes.ts';

/** Notified when a process ends. */
export interface EndListener {
  processEnded(status: ProcessStatus): void;
  /** A caller from outside is about to make the process go on; it has no listener afterwards. */
  processDisturbed(): void;
}

/** The base of simulated and recorded processes. Subclasses define what the process does. */
export abstract class VirtualProcess implements Process {
  readonly name: string;
  protected readonly table: ProcessTable;
  protected readonly command: ExecCommand;
  #stopping = false;
  /** How it ended; its output may still be in flight. */
  #ending: ProcessStatus | undefined;
  #final: ProcessStatus | undefined;
  #promise: Promise<ProcessStatus> | undefined;
  #resolve: ((status: ProcessStatus) => void) | undefined;
  #onEnd: EndListener | undefined;
  #faults: FaultLog | undefined;
  #output: ProcessOutput | undefined;
  #timer: Timer | undefined;

  constructor(table: ProcessTable, command: ExecCommand) {
    this.table = table;
    this.command = command;
    this.name = table.nameOf(command);
    table.enter(this.name);
  }

  /** True from its death on, even while output is still being delivered. */
  hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** The subject of an event of this process. */
  protected topic(what: string): Topic {
    return new Thing('process', this.name).topic(what);
  }

  /** True once SIGTERM was sent. */
  protected get stopping(): boolean {
    return this.#stopping;
  }

  wait(): ProcessStatus | Promise<ProcessStatus> {
    if (this.#final !== undefined) return this.#final;
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#promise;
  }

  /**
   * Returns how it ended; if it has not, undefined, and calls the listener synchronously when it does. Replaces the
   * previous listener.
   */
  whenEnded(listener: EndListener | undefined): ProcessStatus | undefined {
    if (this.#final === undefined) this.#onEnd = listener;
    return this.#final;
  }

  /**
   * Must be called before a caller from outside makes it go on, so that its end is then reported by a promise, and not
   * during that call.
   */
  disturb(): void {
    this.#onEnd?.processDisturbed();
  }

  abort(): ProcessStatus | Promise<ProcessStatus> {
    if (!this.#stopping && this.#ending === undefined) {
      this.#stopping = true;
      if (this.takeTerm()) this.#finish(abortedProcess('SIGTERM'));
      else this.#startGrace();
    }
    return this.wait();
  }

  /** SIGTERM has come: true if it ends the process, false if the process lives on. */
  protected abstract takeTerm(): boolean;

  /** Called once, when the process dies: must cancel its timers and end its children. */
  protected abstract bury(): void;

  protected write(stream: StreamName, chunk: Chunk): void {
    this.#output ??= new ProcessOutput(this.command, this.#faultLog());
    this.#output.write(stream, chunk);
  }

  /** Records a fault that does not change the outcome. */
  protected addFault(where: string, error: unknown): void {
    this.#faultLog().add(where, error);
  }

  /** Ends the process by itself. If SIGTERM was sent before, it counts as ended by that (R126). */
  protected end(status: ProcessStatus): void {
    this.#finish(this.#stopping ? abortedProcess('SIGTERM') : status);
  }

  /** Kills the process for its memory, and only then reports it, before its end can be seen (R133). */
  protected endByMemory(report: MemoryReport): void {
    this.#die(report.status);
    try {
      this.command.onMemoryReport?.(report);
    } catch (error) {
      this.addFault('memory report', error);
    }
    this.#drain();
  }

  #faultLog(): FaultLog {
    return (this.#faults ??= new FaultLog());
  }

  #startGrace(): void {
    const { clock, graceMs } = this.table;
    const kill = (): void => this.#finish(abortedProcess('SIGKILL'));
    this.#timer = clock.timer(this.topic('grace'), graceMs, kill);
  }

  #finish(status: ProcessStatus): void {
    this.#die(status);
    this.#drain();
  }

  #die(status: ProcessStatus): void {
    this.#ending = status;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.table.leave(this.name);
    this.bury();
  }

  #drain(): void {
    const output = this.#output;
    if (output === undefined || output.pending === 0) {
      this.#settle();
      return;
    }
    const { clock, drainGraceMs } = this.table;
    // Not an end-of-instant event: a caller that bounds an abort by `cancelBoundMs` in such an event must see that the
    // bound was kept.
    this.#timer = clock.timer(this.topic('drain'), drainGraceMs, () => {
      output.cut(drainGraceMs);
      this.#settle();
    });
    output.whenDrained(() => {
      this.#timer?.cancel();
      this.#settle();
    });
  }

  #settle(): void {
    this.#timer = undefined;
    const ending = this.#ending as ProcessStatus;
    this.#final = this.#faults === undefined ? ending : withFaults(ending, this.#faults.list());
    this.#resolve?.(this.#final);
    this.#onEnd?.processEnded(this.#final);
  }
}
