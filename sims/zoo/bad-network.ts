/**
 * Callers reach a runner through a bad network: calls come late, replies get lost, and somebody switches the network off and on. Each
 * call takes its own delay and no more, keeps its own timeout, and fails only as the network is when it gets through.
 */
import {
  ALL_MASK,
  type ChaosRunner,
  createChaosRunner,
  createSimulatedRunner,
  defineScenario,
  DONE_MASK,
  InjectedFaultError,
  isRunnerError,
  type ScenarioDefinition,
  type SimulatedRunner,
  type Simulation,
} from 'dryrunner';
import { pickIndex, pickMs, rarely } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';

const DELAY_MS = 40;
const STEPS = 4;
const STEP_MS = DELAY_MS / STEPS;

export const badNetwork: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-bad-network',
  description:
    'callers reach a runner over a network that delays calls, loses requests and replies, and may be switched off for a while: each call takes its own delay and no more, keeps its timeout, and fails only for a reason that is there',
  async run(sim) {
    const runner = createSimulatedRunner(sim.world, { capacity: 4, history: 8 });
    const network = createChaosRunner(sim.world, runner, {
      name: 'network',
      maxDelayMs: DELAY_MS,
      delaySteps: STEPS,
      plan: { rates: { run: { before: 0.03, after: 0.03 } } },
    });
    const outage = new Outage(sim, network);
    const callers = Array.from({ length: rarely(sim, 'another caller', 5) ? 2 : 1 }, (_, index) =>
      new Caller(sim, runner, network, outage, `caller ${index}`).call(),
    );
    await Promise.all([outage.happen(), ...callers]);
    if (rarely(sim, 'nobody is there', 30)) await nobodyThere(sim);
    await network.release();
  },
});

const outageText = (at: number): string => (at === 0 ? 'never' : `at ${(at - 1) * STEP_MS} ms`);

/** The network may be switched off for a while. */
class Outage {
  /** Since when it is on or off. */
  sinceMs = 0;
  isOff = false;
  readonly #sim: Simulation;
  readonly #network: ChaosRunner;

  constructor(sim: Simulation, network: ChaosRunner) {
    this.#sim = sim;
    this.#network = network;
  }

  async happen(): Promise<void> {
    const begin = pickIndex(this.#sim, 'the network goes off', 6, 20, outageText, 'clause');
    if (begin === 0) return;
    await this.#sim.sleep((begin - 1) * STEP_MS, 'the network goes off');
    this.#switch(true);
    await this.#sim.sleep(
      pickMs(this.#sim, 'the network stays off', 3, STEP_MS, STEP_MS, 'for'),
      'the network comes back',
    );
    this.#switch(false);
  }

  /** True if the network has been so for longer than this instant. */
  wasSettled(isOff: boolean): boolean {
    return this.isOff === isOff && this.sinceMs < this.#sim.now();
  }

  #switch(isOff: boolean): void {
    this.isOff = isOff;
    this.sinceMs = this.#sim.now();
    this.#sim.note(`the network is switched ${isOff ? 'off' : 'on'}`);
    this.#network.setError(isOff ? 'network is off' : undefined);
  }
}

const waitText = (steps: number): string => `for ${steps * STEP_MS} ms at most`;
const cancelText = (steps: number): string => (steps === 0 ? 'never' : `after ${steps * STEP_MS} ms`);

class Caller {
  readonly #sim: Simulation;
  readonly #runner: SimulatedRunner;
  readonly #network: ChaosRunner;
  readonly #outage: Outage;
  readonly #name: string;

  constructor(sim: Simulation, runner: SimulatedRunner, network: ChaosRunner, outage: Outage, name: string) {
    this.#sim = sim;
    this.#runner = runner;
    this.#network = network;
    this.#outage = outage;
    this.#name = name;
  }

  async call(): Promise<void> {
    await this.#sim.sleep(pickMs(this.#sim, { subject: this.#name, what: 'begins' }, 4, STEP_MS, 0, 'at'), {
      subject: this.#name,
      what: 'begins',
    });
    await this.#timed('statusAll', DELAY_MS - STEP_MS, () => this.#network.statusAll());
    await this.#timed('run', DELAY_MS - STEP_MS, () => this.#run());
    const timeoutMs =
      pickIndex(this.#sim, { subject: this.#name, what: 'waits for an end' }, 4, 6, waitText, 'clause') *
      STEP_MS;
    const cancelMs =
      pickIndex(this.#sim, { subject: this.#name, what: 'cancels its wait' }, 5, 12, cancelText, 'clause') *
      STEP_MS;
    const stop = new AbortController();
    const timer =
      cancelMs === 0
        ? undefined
        : this.#sim.world.clock.timer({ subject: this.#name, what: 'cancels its wait' }, cancelMs, () => {
            stop.abort();
          });
    const limitMs = cancelMs > 0 ? Math.min(timeoutMs, cancelMs) : timeoutMs;
    const question = { allRuns: true, states: DONE_MASK };
    await this.#timed(
      `a query with timeout ${timeoutMs} ms${cancelMs > 0 ? `, cancelled after ${cancelMs} ms` : ''}`,
      limitMs,
      () => this.#network.query(question, { timeoutMs, signal: stop.signal }),
    );
    timer?.cancel();
  }

  /** A call that fails has failed for a reason that is there, and one that does not has got through. */
  async #timed(what: string, limitMs: number, call: () => Promise<unknown>): Promise<void> {
    const beganAtMs = this.#sim.now();
    let isOff = false;
    try {
      await call();
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_WAIT_CANCELLED')) return;
      if (!(error instanceof InjectedFaultError)) {
        failUnexpected(
          this.#sim,
          `${what} of ${this.#name} broke`,
          'an answer, or a fault of the network',
          error,
        );
      }
      isOff = error.fault.kind === 'error';
    }
    const durationMs = this.#sim.now() - beganAtMs;
    this.#sim.check(
      durationMs <= limitMs,
      `${this.#name} was answered too late\n\nExpected at most ${limitMs} ms for ${what}, got ${durationMs} ms.`,
    );
    this.#sim.check(
      !this.#outage.wasSettled(!isOff) || durationMs === limitMs,
      isOff
        ? `${this.#name} was refused as if the network were off, and it was on when the call got through`
        : `${this.#name} got through at a time of its own, or although the network was off`,
    );
  }

  /** A job whose reply was lost is there, one that got lost itself is not. */
  async #run(): Promise<void> {
    try {
      await this.#network.run({ argv: ['sleep 60'], tag: this.#name });
    } catch (error) {
      if (!(error instanceof InjectedFaultError)) throw error;
      const { statuses } = await this.#runner.queryNow({ allRuns: true, states: ALL_MASK });
      const isThere = statuses.some(({ tag }) => tag === this.#name);
      const { kind } = error.fault;
      this.#sim.check(
        isThere === (kind === 'after'),
        kind === 'after'
          ? `only the reply to the job of ${this.#name} was lost, and yet the runner has not got the job`
          : `the request for the job of ${this.#name} was lost, and yet the runner has got the job`,
      );
      throw error;
    }
  }
}

/** A network without anybody at its other end says so. */
async function nobodyThere(sim: Simulation): Promise<void> {
  const nobody = createChaosRunner(sim.world);
  try {
    await nobody.statusAll();
    sim.check(
      false,
      'a network without anybody at its other end was asked, and answered\n\nExpected RUNNER_NO_DELEGATE, got an answer.',
    );
  } catch (error) {
    if (!isRunnerError(error, 'RUNNER_NO_DELEGATE')) {
      const said = 'a network without anybody at its other end was asked, and broke';
      failUnexpected(sim, said, 'RUNNER_NO_DELEGATE', error);
    }
  }
  await nobody.release();
}
