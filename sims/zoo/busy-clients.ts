/**
 * Clients share a runner that has a slot for each of them. They run jobs one after another, lose patience and abort, build their
 * commands in one buffer, and sometimes offer nothing at all; two owners release the runner, perhaps while it is busy.
 */
import { createSimExecer } from 'dryrunner/kit';
import {
  createSimulatedRunner,
  defineScenario,
  type Command,
  finalStatus,
  isRunnerError,
  isTerminal,
  type RunStatus,
  type ScenarioDefinition,
  type SimulatedRunner,
  type Simulation,
} from 'dryrunner';
import { pick, pickCount, pickIndex, pickMs, rarely } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';

const STEP_MS = 10;
const ROUNDS = 2;

/** Scripts with the exit code that they end with when nobody stops them. */
const JOBS: readonly { readonly argv: readonly string[]; readonly exitCode: number }[] = [
  { argv: ['complete 1'], exitCode: 1 },
  { argv: ['sleep 10', 'complete 2'], exitCode: 2 },
  { argv: ['sleep 20', 'complete 3'], exitCode: 3 },
  { argv: ['ignore-term', 'sleep 200', 'complete 4'], exitCode: 4 },
];

export const busyClients: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-busy-clients',
  description:
    'clients share a runner that has one slot for each of them, and run one job after another: nobody is refused or kept waiting, each job ends as it says unless it is aborted, and a release ends all',
  async run(sim) {
    const { clock, tracer } = sim.world;
    const clients = pickCount(sim, 'more clients', 3);
    const execer = createSimExecer({ clock, tracer, graceMs: 30, drainGraceMs: 0 });
    const runner = createSimulatedRunner(sim.world, { capacity: clients, history: 12, execer });
    const party = Array.from({ length: clients }, (_, index) => new Client(sim, runner, `client ${index}`));
    const owner = releaseEarly(sim, runner);
    await Promise.all([owner, ...party.map((client) => client.work())]);
    await runner.release();
    if (rarely(sim, 'both owners release', 25)) await runner.release();
    const { statuses } = await runner.statusAll();
    for (const { runId, state } of statuses) {
      sim.check(isTerminal(state), `run ${runId} has not ended after the release\n\nIt is ${state}.`);
    }
    sim.check(
      execer.livingProcesses === 0,
      `${execer.livingProcesses} processes are alive after the release`,
    );
  },
});

/** One owner may not wait for the clients. */
async function releaseEarly(sim: Simulation, runner: SimulatedRunner): Promise<void> {
  const step = pickIndex(sim, 'the owner leaves early', 12, 40, (at) =>
    at === 0 ? 'no' : `yes, at ${(at * STEP_MS) / 2} ms`,
  );
  if (step === 0) return;
  await sim.sleep((step * STEP_MS) / 2, 'the owner leaves');
  await runner.release();
}

class Client {
  readonly #sim: Simulation;
  readonly #runner: SimulatedRunner;
  readonly #name: string;
  /** Reused for all commands: what a runner has accepted is its own copy. */
  readonly #argv: string[] = [];

  constructor(sim: Simulation, runner: SimulatedRunner, name: string) {
    this.#sim = sim;
    this.#runner = runner;
    this.#name = name;
  }

  async work(): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const label = `${this.#name} thinks in round ${round}`;
      await this.#sim.sleep(pickMs(this.#sim, label, 3, STEP_MS, 0, 'for'), label);
      if (rarely(this.#sim, { owner: this.#name, what: 'has no job in round', subject: String(round) }, 50)) {
        await this.#offerNothing();
      } else if (!(await this.#runOne(round))) return;
    }
  }

  /** False once the runner was released. */
  async #runOne(round: number): Promise<boolean> {
    const job = pick(
      this.#sim,
      { owner: this.#name, what: 'job of round', subject: String(round) },
      JOBS,
      8,
      ({ argv }) => argv,
    );
    this.#argv.splice(0, this.#argv.length, ...job.argv);
    const accepted = await this.#accepted({ argv: this.#argv, tag: this.#name });
    this.#sim.note(`${this.#name} changes the arguments of the command that it has handed over`);
    this.#argv.splice(0, this.#argv.length, 'complete 99');
    if (accepted === undefined) return false;
    const { runId } = accepted;
    const [{ status }, aborted] = await Promise.all([
      finalStatus(this.#runner, runId),
      this.#losePatience(round, runId),
    ]);
    const { state, exitCode } = status;
    this.#sim.check(
      aborted === undefined || aborted.state === state,
      `the abort of run ${runId} reported another end than the run has\n\nExpected ${state}, got ${aborted?.state}.`,
    );
    this.#sim.check(
      state === 'ABORTED' || (state === 'COMPLETE' && exitCode === job.exitCode),
      `run ${runId} of ${this.#name} ended in another way than its job does\n\nThe job: ${job.argv.join(', ')}.\nExpected COMPLETE with exit code ${job.exitCode}, got ${state} with exit code ${exitCode}.`,
    );
    return true;
  }

  /** A client uses one slot, so there is always room for it. */
  async #accepted(command: Command): Promise<RunStatus | undefined> {
    const askedAtMs = this.#sim.now();
    try {
      const status = await this.#runner.run(command);
      const durationMs = this.#sim.now() - askedAtMs;
      this.#sim.check(durationMs === 0, `${this.#name} waited ${durationMs} ms to be accepted`);
      return status;
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_RELEASED')) return undefined;
      const said = `${this.#name} was refused, although it has a slot to itself and no run under way`;
      failUnexpected(this.#sim, said, 'an accepted run', error);
    }
  }

  async #losePatience(round: number, runId: string): Promise<RunStatus | undefined> {
    const patience = pickIndex(
      this.#sim,
      { owner: this.#name, what: 'loses patience in round', subject: String(round) },
      8,
      28,
      (at) => (at === 0 ? 'never' : `after ${((at - 1) * STEP_MS) / 2} ms`),
      'clause',
    );
    if (patience === 0) return undefined;
    await this.#sim.sleep(((patience - 1) * STEP_MS) / 2, { subject: this.#name, what: 'loses patience' });
    try {
      return await this.#runner.abort(runId);
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_RELEASED')) return undefined;
      const expected = 'the status of the run, or RUNNER_RELEASED';
      failUnexpected(this.#sim, `the abort of run ${runId} broke`, expected, error);
    }
  }

  async #offerNothing(): Promise<void> {
    this.#sim.note(`${this.#name} calls run without a command`);
    try {
      await this.#runner.run(undefined as unknown as Command);
      const message = 'a runner was given no command at all, and accepted it';
      this.#sim.check(false, `${message}\n\nExpected RUNNER_INVALID_ARGUMENT, got an accepted run.`);
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) return;
      const said = 'a runner was given no command at all, and broke';
      failUnexpected(this.#sim, said, 'RUNNER_INVALID_ARGUMENT', error);
    }
  }
}
