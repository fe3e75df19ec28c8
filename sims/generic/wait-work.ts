/**
 * Shared by the scenarios that do one thing at a time while many wait: the waiters, how each wait ended, and how it should have. Invariant: only
 * what follows from one step falls into its instant; where the order of two things in one instant matters, the model stops checking.
 */
import { isRunnerError, type Simulation } from 'dryrunner';
import type { WaitOptions } from 'dryrunner/cluster';
import { pick, pickCount, rarely } from '../zoo/odds.ts';
import { SeenWorld } from './seen-world.ts';
import { rounded } from './outcome.ts';

const OWNERS = ['a', 'b', 'c', 'd'];
const STEPS = 16;
/** How long somebody waits; undefined for no limit by default. */
export const TIMEOUTS_MS: readonly (number | undefined)[] = [undefined, 3.5, 7.25, 0, Infinity];
const STEP_MS = 0.017;
/** After so long all that a step has led to in its instant has happened. */
export const SETTLE_MS = 0.001;

/** How a wait has ended. */
interface Ended {
  readonly id: number;
  readonly atMs: number;
  readonly code: string;
  readonly text: string;
  readonly value?: unknown;
}

/** Who waits by the model. */
export interface Waiting {
  readonly id: number;
  readonly owner: string;
  readonly untilMs: number;
  readonly signal: number;
}

/** What all of them share: waits that are under way, how they ended, and how they should have. */
export abstract class WaitWork {
  protected readonly sim: Simulation;
  protected readonly seen: SeenWorld;
  readonly #signals = [new AbortController(), new AbortController(), new AbortController()];
  readonly #ended: Ended[] = [];
  readonly #expected = new Map<number, Ended>();
  readonly #underWay: Promise<void>[] = [];
  protected isAmbiguous = false;
  #ids = 0;

  constructor(sim: Simulation) {
    this.sim = sim;
    this.seen = new SeenWorld(sim);
  }

  async run(): Promise<void> {
    const steps = pickCount(this.sim, 'steps', STEPS);
    for (let step = 1; step <= steps && !this.isAmbiguous; step += 1) {
      this.expire(this.sim.now());
      if (rarely(this.sim, 'a signal aborts', 8)) this.#abort();
      else this.act(pick(this.sim, 'owner', OWNERS, 1));
      await this.sim.sleep(SETTLE_MS);
      for (const act of this.#due.splice(0)) act();
      this.expire(this.sim.now());
      this.#compare();
      await this.sim.sleep(pick(this.sim, 'pauses', [0, 1, 5], 1) + STEP_MS - SETTLE_MS);
    }
    await this.#end();
  }

  /** Does one thing. */
  protected abstract act(owner: string): void;
  /** What times out before then. */
  protected abstract expire(nowMs: number): void;
  /** Those who wait with that signal. */
  protected abstract cancel(signal: number): void;
  /** What can be looked at. */
  protected abstract look(): void;
  /** Leaves nobody waiting. */
  protected abstract finish(): Promise<void> | void;

  protected get ended(): readonly Ended[] {
    return this.#ended;
  }

  protected nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  protected check(condition: boolean, message: string): void {
    this.sim.check(condition, message);
  }

  /** How somebody waits: as options, and as the model knows it. */
  protected drawWait(
    owner: string,
    id: number,
    timeouts: readonly (number | undefined)[] = TIMEOUTS_MS,
  ): { readonly options: WaitOptions; readonly waiting: Waiting } {
    const timeoutMs = pick(this.sim, 'timeout', timeouts, 3);
    const signal = pick(this.sim, 'signal', [-1, 0, 1, 2], 3);
    const options = {
      owner,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal < 0 ? {} : { signal: this.#signalOf(signal) }),
    };
    const untilMs = this.sim.now() + (timeoutMs ?? Infinity);
    return { options, waiting: { id, owner, untilMs, signal } };
  }

  protected isAborted(signal: number): boolean {
    return signal >= 0 && this.#signalOf(signal).aborted;
  }

  protected follow(id: number, wait: Promise<unknown>): void {
    const end = (code: string, text: string, value?: unknown): void => {
      this.#ended.push({ id, atMs: this.sim.now(), code, text, value });
    };
    this.#underWay.push(
      wait.then(
        (value) => end('', '', value),
        (error: unknown) => end(isRunnerError(error) ? error.code : 'other', textOf(error)),
      ),
    );
  }

  /** What is still under way never ends. */
  protected forget(): void {
    this.#underWay.length = 0;
  }

  protected expect(id: number, code = '', text = '', atMs: number = this.sim.now(), value?: unknown): void {
    this.check(!this.#expected.has(id), `by the model wait ${id} ends twice`);
    this.#expected.set(id, { id, atMs, code, text, value });
  }

  protected expectTimeout({ id, owner, untilMs }: Waiting, goal: string, timeoutMs: number, why = ''): void {
    this.expect(id, 'RUNNER_TIMED_OUT', `${owner} did not get ${goal} within ${timeoutMs} ms${why}`, untilMs);
    this.sim.sometimes('a wait times out');
  }

  protected expectCancel({ id, owner }: Pick<Waiting, 'id' | 'owner'>, goal: string): void {
    this.expect(id, 'RUNNER_WAIT_CANCELLED', `the wait of ${owner} for ${goal} was cancelled`);
    this.sim.sometimes('a wait is cancelled');
  }

  /** Who of them was seen to be served first; the first if nobody was. */
  protected servedFirst<T extends { readonly id: number; readonly ends?: { readonly code: string } }>(
    candidates: readonly T[],
  ): T | undefined {
    const isServed = ({ id, code }: Ended, one: T): boolean =>
      one.id === id && code === (one.ends?.code ?? '');
    const seen = this.#ended.find(
      (ended) => !this.#expected.has(ended.id) && candidates.some((one) => isServed(ended, one)),
    );
    return candidates.find(({ id }) => id === seen?.id) ?? candidates[0];
  }

  #signalOf(signal: number): AbortSignal {
    return (this.#signals[signal] as AbortController).signal;
  }

  #abort(): void {
    const signal = pick(this.sim, 'which signal', [0, 1, 2], 1);
    if (this.isAborted(signal)) return;
    this.#signals[signal]?.abort(new Error('enough'));
    this.#later(() => this.cancel(signal));
  }

  /** What the model does once it is known who was served. */
  readonly #due: (() => void)[] = [];
  #later(act: () => void): void {
    this.#due.push(act);
  }

  protected after(act: () => void): void {
    this.#later(act);
  }

  #compare(): void {
    if (this.isAmbiguous) return;
    for (const { id, atMs, code, text, value } of this.#ended) {
      const expected = this.#expected.get(id);
      const said = JSON.stringify({ atMs: rounded(atMs), code, text });
      this.check(expected !== undefined, `wait ${id} has ended with ${said}, and should go on`);
      if (expected === undefined) continue;
      const meant = JSON.stringify({
        atMs: rounded(expected.atMs),
        code: expected.code,
        text: expected.text,
      });
      this.check(said === meant, `wait ${id} has ended with ${said}, not ${meant}`);
      this.check(
        expected.value === undefined || expected.value === value,
        `wait ${id} has got ${JSON.stringify(value)}, not ${JSON.stringify(expected.value)}`,
      );
    }
    const missing = [...this.#expected.keys()].find((id) => !this.#ended.some((ended) => ended.id === id));
    this.check(missing === undefined, `wait ${missing} goes on, and should have ended`);
    this.look();
  }

  async #end(): Promise<void> {
    this.expire(this.sim.now());
    await this.finish();
    // The longest task is over by then.
    await this.sim.sleep(10);
    await Promise.all(this.#underWay);
  }
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error);
}
