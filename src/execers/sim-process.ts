/**
 * A simulated process: runs its script on the injected clock, with a tree of children. Invariant: it does as much as it
 * can without letting time pass, and has at most one timer for its script; its end ends the whole tree (R129).
 */
import type { Timer } from '../kernel/clock.ts';
import type { Topic } from '../kernel/question.ts';
import type { ExecCommand, ProcessStatus } from '../model/execer.ts';
import type { MemoryCap } from './memory-watch.ts';
import { MemoryWatch } from './memory-watch.ts';
import { completeProcess, failedProcess, signalledProcess } from './process-status.ts';
import type { ProcessTable } from './virtual-processes.ts';
import type { SimStep } from './sim-step.ts';
import { VirtualProcess } from './virtual-process.ts';

/** The state that the processes of one sim execer share. */
export interface SimGround {
  readonly table: ProcessTable;
  readonly memory: MemoryCap;
  /** Processes at a `pause` that can be resumed, oldest pause first; made lazily. */
  paused: Set<SimProcess> | undefined;
}

/** A child in the simulated tree; it inherits whether SIGTERM is ignored. */
interface Child {
  readonly name: string;
  readonly ignoresTerm: boolean;
  /** True if it lives on when its parent ends, until the execer kills the rest of the tree. */
  readonly outlives: boolean;
}

/** A process that follows a script. */
export class SimProcess extends VirtualProcess {
  readonly #ground: SimGround;
  readonly #script: readonly SimStep[];
  readonly #memory: MemoryWatch | undefined;
  #next = 0;
  #ignoresTerm = false;
  #children: Child[] | undefined;
  #childCount = 0;
  #sleep: Timer | undefined;
  #sleepTopic: Topic | undefined;
  #wake: (() => void) | undefined;

  constructor(ground: SimGround, command: ExecCommand, script: readonly SimStep[]) {
    super(ground.table, command);
    this.#ground = ground;
    this.#script = script;
    if (ground.memory.watched) {
      const kill = this.endByMemory.bind(this);
      this.#memory = new MemoryWatch(ground.memory, this.topic('memory'), kill);
    }
  }

  /** True if `name` is its run id or its command's tag. */
  answersTo(name: string): boolean {
    return this.name === name || (name !== '' && this.command.tag === name);
  }

  /** Runs the script until the process ends or waits for something. */
  run(): void {
    while (!this.hasEnded()) {
      const step = this.#script[this.#next++];
      if (step === undefined) this.end(completeProcess(0));
      else if (!this.#continuesAfter(step)) return;
    }
  }

  protected override takeTerm(): boolean {
    this.#memory?.stop();
    // An aborted process never consumes a resume, even while it lives on until it is killed (R140).
    this.#ground.paused?.delete(this);
    if (!this.#ignoresTerm) return true;
    this.#children = this.#children?.filter((child) => {
      if (!child.ignoresTerm) this.table.leave(this.name, child.name);
      return child.ignoresTerm;
    });
    return false;
  }

  protected override end(status: ProcessStatus): void {
    const outliving = this.#children?.filter(({ outlives }) => outlives).length ?? 0;
    if (outliving > 0) {
      this.addFault('descendants', new Error(`${outliving} outlived the command and had to be killed`));
    }
    super.end(status);
  }

  protected override bury(): void {
    this.#sleep?.cancel();
    this.#memory?.end();
    this.#ground.paused?.delete(this);
    if (this.#children === undefined) return;
    for (const child of this.#children) this.table.leave(this.name, child.name);
    this.#children = undefined;
  }

  /** Performs one step; false if the script now waits. */
  #continuesAfter(step: SimStep): boolean {
    switch (step.op) {
      case 'comment':
        return true;
      case 'stdout':
      case 'stderr':
        this.write(step.op, step.text);
        return true;
      case 'complete':
        this.end(completeProcess(step.exitCode));
        return true;
      case 'fail':
        this.end(failedProcess(step.exitCode, step.text));
        return true;
      case 'signal':
        this.end(signalledProcess(step.signal));
        return true;
      case 'mem':
        this.#useMemory(step.bytes);
        return true;
      case 'ignore-term':
        this.#ignoresTerm = true;
        return true;
      case 'fork':
      case 'orphan':
        this.#addChild(step.op === 'orphan');
        return true;
      case 'sleep':
        this.#startSleep(step.ms);
        return false;
      case 'pause':
        this.#pause();
        return false;
      case 'hang':
        return false;
    }
  }

  #pause(): void {
    if (!this.stopping) (this.#ground.paused ??= new Set()).add(this);
  }

  #useMemory(bytes: number): void {
    if (!this.stopping) this.#memory?.use(bytes);
  }

  #startSleep(ms: number): void {
    this.#wake ??= this.run.bind(this);
    this.#sleepTopic ??= this.topic('sleep');
    this.#sleep = this.table.clock.timer(this.#sleepTopic, ms, this.#wake);
  }

  #addChild(outlives: boolean): void {
    const child = { name: `/${++this.#childCount}`, ignoresTerm: this.#ignoresTerm, outlives };
    this.table.enter(this.name, child.name);
    (this.#children ??= []).push(child);
  }
}
