/**
 * One process that does again what was recorded. Invariant: it holds one timer at a time, so that output and end that are due
 * together keep their recorded order whatever the clock's policy is.
 */
import type { Timer } from '../kernel/clock.ts';
import type { Topic } from '../kernel/question.ts';
import type { ExecCommand } from '../model/execer.ts';
import type { ProcessTable } from './virtual-processes.ts';
import type { PlannedChunk, PlannedEnd } from './playback-plan.ts';
import { completeProcess } from './process-status.ts';
import { VirtualProcess } from './virtual-process.ts';

/** A process that follows a recording. */
export class PlaybackProcess extends VirtualProcess {
  readonly #chunks: readonly PlannedChunk[];
  readonly #end: PlannedEnd;
  readonly #startedAtMs: number;
  readonly #topic: Topic;
  #next = 0;
  /** When it ends, from its start; `Infinity` while nothing has asked a stopped one to stop. */
  #endAtUs: number;
  #timer: Timer | undefined;

  constructor(table: ProcessTable, command: ExecCommand, chunks: readonly PlannedChunk[], end: PlannedEnd) {
    super(table, command);
    this.#chunks = chunks;
    this.#end = end;
    this.#startedAtMs = table.clock.now();
    this.#topic = this.topic('recorded');
    this.#endAtUs = end.kind === 'stopped' ? Infinity : end.atUs;
  }

  /** Does all that is due and sets the timer for what comes next. */
  play(): void {
    const nowUs = this.#elapsedUs();
    while (!this.ended) {
      const planned = this.#chunks[this.#next];
      if (planned === undefined || planned.atUs > Math.min(nowUs, this.#endAtUs)) break;
      this.#next++;
      this.write(planned.stream, planned.chunk);
    }
    if (this.ended) return;
    if (this.#endAtUs <= nowUs) this.#finish();
    else this.#setTimer(nowUs);
  }

  protected override takeTerm(): boolean {
    if (this.#end.kind !== 'stopped' || this.#end.delayUs === 0) return true;
    const nowUs = this.#elapsedUs();
    this.#endAtUs = nowUs + this.#end.delayUs;
    this.#setTimer(nowUs);
    return false;
  }

  protected override bury(): void {
    this.#timer?.cancel();
  }

  #elapsedUs(): number {
    return Math.round((this.table.clock.now() - this.#startedAtMs) * 1000);
  }

  #setTimer(nowUs: number): void {
    this.#timer?.cancel();
    const nextUs = Math.min(this.#chunks[this.#next]?.atUs ?? Infinity, this.#endAtUs);
    if (nextUs === Infinity) return;
    const delayMs = Math.max(0, nextUs - nowUs) / 1000;
    this.#timer = this.table.clock.timer(this.#topic, delayMs, () => this.play());
  }

  #finish(): void {
    switch (this.#end.kind) {
      case 'ends':
        this.end(this.#end.status);
        break;
      case 'memory':
        this.endByMemory(this.#end.report);
        break;
      case 'stopped':
        // The base makes an abort of it, because this kind ends only after a request to stop.
        this.end(completeProcess(0));
        break;
    }
  }
}
