/**
 * Runs the executions of a test within guarded turns. Without ambient time the scenario sets timers and immediates of
 * the machine, which call its code between two turns and after its end: such code is watched from then on.
 */
import { simulationExecutor, type ExecutionRequest, type Executor } from '../../explore/executor.ts';
import type { GuardedTurns } from '../../ambient/guarded-turns.ts';
import { activeResources, resourcesSince } from '../../kernel/drain-host.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { NamedSimulation } from './tested-simulation.ts';

/** What calls code between two turns. */
const OF_MACHINE: ReadonlySet<string> = new Set(['Immediate', 'Timeout']);

/** See the top of the file. */
export class TurnGuardedExecutor implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #turns: GuardedTurns;
  readonly #onTestTurn: (() => void) | undefined;
  readonly #isAmbient: boolean;
  readonly #before = activeResources();

  /** `seed` is that of `world.random` in all its executions. */
  constructor({ onTurn, ...simulation }: NamedSimulation, turns: GuardedTurns, seed: string) {
    this.scenario = simulation.name;
    this.#executor = simulationExecutor({ ...simulation, seed });
    this.#turns = turns;
    this.#isAmbient = simulation.ambient !== undefined;
    this.#onTestTurn = onTurn;
  }

  execute(request: ExecutionRequest): Promise<Verdict> {
    const { nextTurn, onTurn } = this.#turns.options;
    const { onTurn: onInnerTurn } = request;
    const running = this.#executor.execute({
      ...request,
      nextTurn: (turn, isFirst, isIdle) => {
        if (!isFirst) this.#watchLeft();
        nextTurn(turn, isFirst, isIdle);
      },
      onTurn: () => {
        onTurn();
        this.#onTestTurn?.();
        onInnerTurn?.();
      },
    });
    if (!this.#isAmbient) running.then(() => this.#watchLeft()).catch(() => undefined);
    return running;
  }

  /** Others may set timers too, so that this may watch where nothing was left. */
  #watchLeft(): void {
    if (this.#isAmbient) return;
    if (resourcesSince(this.#before).some((kind) => OF_MACHINE.has(kind))) this.#turns.noteIdle();
  }
}
