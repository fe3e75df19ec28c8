/**
 * What is known of one runner from its trace: its runs, in order of acceptance, and what it is doing. Invariant: memory does not grow
 * with the number of runs, because terminal runs are forgotten, the oldest first; one that still holds something is kept.
 */
import { SmallMap } from '../kernel/small-map.ts';
import type { RunID } from '../model/run-status.ts';
import { WatchedRun } from './watched-run.ts';

/** So many terminal runs are remembered; a rule is broken soon after the end of a run, or never. */
const TERMINAL_KEPT = 256;

/** Facts about a runner. */
export class WatchedRunner {
  readonly name: string;
  /** The run that has left the queue and is not terminal. */
  active: WatchedRun | undefined = undefined;
  /** How many `accepted` events there were. */
  accepted = 0;
  /** How many runs are in the queue, at work, and terminal. */
  queued = 0;
  working = 0;
  ended = 0;
  /** How many updates are at work. */
  updates = 0;
  isReleased = false;
  /** The gauge `runningTask`; undefined until it is seen. */
  runningTask: number | undefined = undefined;
  /** Totals of counters by name; made when the first is seen. */
  counters: Map<string, number> | undefined = undefined;
  readonly #runs = new SmallMap<WatchedRun>();
  #waiting: WatchedRun | undefined = undefined;
  #newest: WatchedRun | undefined = undefined;
  /** Terminal runs that are remembered, a ring. */
  readonly #terminal: (WatchedRun | undefined)[] = [];
  #oldest = 0;
  #latest: WatchedRun | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The runs that are remembered, in order of acceptance. */
  get runs(): Iterable<WatchedRun> {
    return this.#runs.values();
  }

  /** The run of that id, if it is remembered. */
  find(runId: RunID): WatchedRun | undefined {
    // Nearly all events are about the same run as the one before.
    if (this.#latest?.runId === runId) return this.#latest;
    const run = this.#runs.get(runId);
    if (run !== undefined) this.#latest = run;
    return run;
  }

  /** Takes a new run into the queue. */
  add(runId: RunID): WatchedRun {
    const run = new WatchedRun(this.name, runId);
    this.#runs.set(runId, run);
    this.#latest = run;
    this.queued += 1;
    if (this.#waiting === undefined) this.#waiting = run;
    else if (this.#newest !== undefined) this.#newest.next = run;
    this.#newest = run;
    return run;
  }

  /** The run that was accepted first of those that are in the queue. */
  head(): WatchedRun | undefined {
    let run = this.#waiting;
    while (run !== undefined && (run.isStarted || run.isTerminal)) {
      const { next }: WatchedRun = run;
      // A chain of those that have left would keep all that came after them from the collector.
      run.next = undefined;
      run = next;
    }
    this.#waiting = run;
    return run;
  }

  /** A run has left the queue to be worked on. */
  start(run: WatchedRun): void {
    run.isStarted = true;
    this.queued -= 1;
    this.working += 1;
    this.active = run;
    this.head();
  }

  /** A run has become terminal. */
  end(run: WatchedRun): void {
    if (run.isStarted) this.working -= 1;
    else this.queued -= 1;
    this.ended += 1;
    if (this.active === run) this.active = undefined;
    // The list must not hold on to runs that are over, even if nobody asks for its head.
    this.head();
    this.#forgetOldest(run);
  }

  /** Drops a run that nobody can ask for any more. */
  forget(run: WatchedRun): void {
    if (run.held > 0 || !run.isTerminal) return;
    this.#runs.delete(run.runId);
    if (this.#terminal[run.place] === run) this.#terminal[run.place] = undefined;
    if (this.#latest === run) this.#latest = undefined;
  }

  /** A runner of the same name begins anew: nothing of the old one is open. */
  restart(): void {
    this.#runs.clear();
    this.counters = undefined;
    this.active = undefined;
    this.accepted = 0;
    this.queued = 0;
    this.working = 0;
    this.ended = 0;
    this.updates = 0;
    this.isReleased = false;
    this.runningTask = undefined;
    this.#waiting = undefined;
    this.#newest = undefined;
    this.#latest = undefined;
  }

  #forgetOldest(run: WatchedRun): void {
    const oldest = this.#terminal[this.#oldest];
    this.#terminal[this.#oldest] = run;
    run.place = this.#oldest;
    this.#oldest = (this.#oldest + 1) % TERMINAL_KEPT;
    if (oldest !== undefined && this.#runs.get(oldest.runId) === oldest) this.forget(oldest);
  }
}
