/**
 * What a script does, said once more as plainly as possible: one process, times in milliseconds, no clock, no promises. Properties
 * compare the sim execer with it. What is due together happens in the order in which it was set.
 */
import type { ProcessStatus } from '../../src/model/execer.ts';
import type { SimStep } from '../../src/execers/sim-step.ts';
import { aborted, complete } from './sim-world.ts';

type Due = 'wake' | 'look' | 'kill';

export interface ModelLimits {
  readonly capBytes: number;
  readonly periodMs: number;
  readonly graceMs: number;
}

export class ScriptModel {
  readonly written: string[] = [];
  readonly reports: string[] = [];
  status: ProcessStatus | 'running' = 'running';
  endedAt: number | undefined;
  paused = false;
  now = 0;
  #due: { what: Due; at: number }[] = [];
  #next = 0;
  #usage = 0;
  #ignoresTerm = false;
  #termed = false;
  #children: { orphan: boolean; deaf: boolean }[] = [];
  readonly #steps: readonly SimStep[];
  readonly #limits: ModelLimits;

  constructor(steps: readonly SimStep[], limits: ModelLimits) {
    this.#steps = steps;
    this.#limits = limits;
    this.#go();
  }

  get living(): number {
    return this.status === 'running' ? 1 + this.#children.length : 0;
  }

  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const soonest = Math.min(...this.#due.map(({ at }) => at));
      if (soonest > until) break;
      const first = this.#due.find(({ at }) => at === soonest)!;
      this.#due.splice(this.#due.indexOf(first), 1);
      this.now = soonest;
      this.#fire(first.what);
    }
    this.now = until;
  }

  resume(): boolean {
    if (!this.paused) return false;
    this.paused = false;
    this.#go();
    return true;
  }

  abort(): void {
    if (this.status !== 'running' || this.#termed) return;
    this.#termed = true;
    this.paused = false;
    this.#drop('look');
    if (!this.#ignoresTerm) {
      this.#end(aborted('SIGTERM'));
      return;
    }
    this.#children = this.#children.filter(({ deaf }) => deaf);
    this.#due.push({ what: 'kill', at: this.now + this.#limits.graceMs });
  }

  #fire(what: Due): void {
    if (what === 'wake') this.#go();
    else if (what === 'kill') this.#end(aborted('SIGKILL'));
    else this.#killForMemory();
  }

  #killForMemory(): void {
    const figures = `${this.#usage} of ${this.#limits.capBytes} bytes`;
    const initial = this.now === 0;
    const error = initial
      ? `Critical error detected. Initial memory utilization is over the cap: ${figures}`
      : `Cmd exceeded MemoryCap, aborting process: ${figures}`;
    this.reports.push(`${this.now} ${initial ? 'initial' : 'exceeded'}`);
    this.#end(
      initial ? { state: 'FAILED', exitCode: 241, error } : { state: 'COMPLETE', exitCode: 1, error },
    );
  }

  #drop(what: Due): void {
    this.#due = this.#due.filter((due) => due.what !== what);
  }

  #end(status: ProcessStatus): void {
    this.status = status;
    this.endedAt = this.now;
    this.paused = false;
    this.#due = [];
  }

  #endByItself(status: ProcessStatus): void {
    const natural = this.#termed ? aborted('SIGTERM') : status;
    const orphans = this.#children.filter(({ orphan }) => orphan).length;
    const faults = [`descendants: ${orphans} outlived the command and had to be killed`];
    this.#end(orphans === 0 ? natural : { ...natural, faults });
  }

  #use(bytes: number): void {
    if (this.#termed || this.#limits.capBytes === 0) return;
    this.#usage = bytes;
    if (bytes < this.#limits.capBytes) this.#drop('look');
    else if (!this.#due.some(({ what }) => what === 'look')) {
      const at = Math.ceil(this.now / this.#limits.periodMs) * this.#limits.periodMs;
      this.#due.push({ what: 'look', at });
    }
  }

  #go(): void {
    while (this.status === 'running') {
      const step = this.#steps[this.#next++] ?? ({ op: 'complete', exitCode: 0 } as const);
      switch (step.op) {
        case 'complete':
          this.#endByItself(complete(step.exitCode));
          break;
        case 'fail':
          this.#endByItself({ state: 'FAILED', exitCode: step.exitCode, error: step.text });
          break;
        case 'signal': {
          const { signal } = step;
          this.#endByItself({ state: 'COMPLETE', exitCode: -1, error: `Killed by ${signal}`, signal });
          break;
        }
        case 'stdout':
        case 'stderr':
          if (step.text !== '') this.written.push(`${this.now} ${step.op} ${step.text}`);
          break;
        case 'mem':
          this.#use(step.bytes);
          break;
        case 'ignore-term':
          this.#ignoresTerm = true;
          break;
        case 'fork':
        case 'orphan':
          this.#children.push({ orphan: step.op === 'orphan', deaf: this.#ignoresTerm });
          break;
        case 'sleep':
          this.#due.push({ what: 'wake', at: this.now + step.ms });
          return;
        case 'pause':
          this.paused = !this.#termed;
          return;
        case 'hang':
          return;
        case 'comment':
          break;
      }
    }
  }
}
