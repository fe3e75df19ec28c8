/**
 * The least that a simulated job can be, to distinguish what so many open jobs cost on any engine from what ours adds: callers that
 * await, an object and a status per job, and three events of which a random one is next. No clock, checks, trace or log of decisions.
 */
const EVENTS_PER_JOB = 3;
/** As many as a caller needs at most from the end of its job to the acceptance of its next one. */
const TURNS_TO_NEXT_JOB = 3;

interface LeastStatus {
  readonly runId: string;
  readonly state: string;
}

interface LeastRun {
  readonly runId: string;
  events: number;
  status: LeastStatus;
  onEnd: ((status: LeastStatus) => void) | undefined;
}

/** All that is due, in no order; a random one fires next. Its own generator, because the draw is not what is measured. */
class DueEvents {
  readonly #due: (() => void)[] = [];
  #state = 1;

  get isEmpty(): boolean {
    return this.#due.length === 0;
  }

  post(event: () => void): void {
    this.#due.push(event);
  }

  fire(): void {
    const last = this.#due.pop();
    if (last === undefined) return;
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    const index = this.#state % (this.#due.length + 1);
    const chosen = this.#due[index] ?? last;
    if (index < this.#due.length) this.#due[index] = last;
    chosen();
  }
}

class LeastRunner {
  readonly #name: string;
  readonly #events: DueEvents;
  readonly #runs = new Map<string, LeastRun>();

  constructor(name: string, events: DueEvents) {
    this.#name = name;
    this.#events = events;
  }

  async run(): Promise<LeastStatus> {
    const runId = `${this.#name}-${this.#runs.size}`;
    const run: LeastRun = { runId, events: 0, status: { runId, state: 'PENDING' }, onEnd: undefined };
    this.#runs.set(runId, run);
    this.#events.post(() => this.#advance(run));
    return run.status;
  }

  finalStatus(runId: string): Promise<LeastStatus> {
    const run = this.#runs.get(runId);
    if (run === undefined) throw new Error(`no run ${runId}`);
    return new Promise((resolve) => {
      run.onEnd = resolve;
    });
  }

  #advance(run: LeastRun): void {
    run.events += 1;
    if (run.events < EVENTS_PER_JOB) {
      this.#events.post(() => this.#advance(run));
      return;
    }
    run.status = { runId: run.runId, state: 'COMPLETE' };
    run.onEnd?.(run.status);
  }
}

/** Does the jobs of all runners, each runner's one after the other, all runners at once. */
export async function runLeastJobs(runners: number, jobs: number): Promise<void> {
  const events = new DueEvents();
  const work = async (runner: LeastRunner): Promise<void> => {
    for (let job = 0; job < jobs; job += 1) {
      const { runId } = await runner.run();
      await runner.finalStatus(runId);
    }
  };
  const all = Array.from({ length: runners }, (_, index) => work(new LeastRunner(`runner-${index}`, events)));
  while (!events.isEmpty) {
    events.fire();
    for (let turn = 0; turn < TURNS_TO_NEXT_JOB; turn += 1) await Promise.resolve();
  }
  await Promise.all(all);
}
