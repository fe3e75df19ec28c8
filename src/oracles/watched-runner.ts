/**
 * The facts about one runner from its trace: its runs in order of acceptance, and what it is doing. Invariant: memory
 * does not grow with the number of runs, because terminal runs are forgotten, the oldest first; a run that still holds
 * something is kept.
 */
import { SmallMap } from '../kernel/small-map.ts';
import type { RunID } from '../model/run-status.ts';
import { WatchedRun } from './watched-run.ts';

/** How many terminal runs are remembered; a rule is broken soon after the end of a run, or never. */
const TERMINAL_KEPT = 256;

/** Facts about a runner. */
export class WatchedRunner {
  readonly name: string;
  /** The run that has left the queue and is not terminal. */
  active: WatchedRun | undefined = undefined;
  /** Number of `accepted` events. */
  accepted = 0;
  /** How many runs are queued, active, and terminal. */
  queued = 0;
  working = 0;
  ended = 0;
  /** Number of updates in progress. */
  updates = 0;
  isReleased = false;
  /** The gauge `runningTask`; undefined until it is seen. */
  runningTask: number | undefined = undefined;
  /** Totals of counters by name; made lazily. */
  counters: Map<string, number> | undefined = undefined;
  readonly #runs = new SmallMap<WatchedRun>();
  #waiting: WatchedRun | undefined = undefined;
  #newest: WatchedRun | undefined = undefined;
  /** Terminal runs that are remembered, as a ring buffer. */
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

  /** The queued run that was accepted first. */
  head(): WatchedRun | undefined {
    let run = this.#waiting;
    while (run !== undefined && (run.isStarted || run.isTerminal)) {
      const { next }: WatchedRun = run;
      // Unlinked, because a chain of runs that have left the queue would keep all later ones from being collected.
      run.next = undefined;
      run = next;
    }
    this.#waiting = run;
    return run;
  }

  /** Records that a run has left the queue and is active. */
  start(run: WatchedRun): void {
    run.isStarted = true;
    this.queued -= 1;
    this.working += 1;
    this.active = run;
    this.head();
  }

  /** Records that a run is terminal. */
  end(run: WatchedRun): void {
    if (run.isStarted) this.working -= 1;
    else this.queued -= 1;
    this.ended += 1;
    if (this.active === run) this.active = undefined;
    // Unlinks runs that are over, even if nothing asks for the head.
    this.head();
    this.#forgetOldest(run);
  }

  /** Drops a terminal run, unless it still holds something. */
  forget(run: WatchedRun): void {
    if (run.held > 0 || !run.isTerminal) return;
    this.#runs.delete(run.runId);
    if (this.#terminal[run.place] === run) this.#terminal[run.place] = undefined;
    if (this.#latest === run) this.#latest = undefined;
  }

  /** Records that a runner of the same name starts afresh: no run of the old one is open. */
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
