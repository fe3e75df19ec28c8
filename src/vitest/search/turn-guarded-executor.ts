/** Runs the executions of a test within guarded turns. */
import { simulationExecutor, type ExecutionRequest, type Executor } from '../../explore/executor.ts';
import type { GuardedTurns } from '../../ambient/guarded-turns.ts';
import type { Verdict } from '../../simulation/verdict.ts';
import type { NamedSimulation } from './tested-simulation.ts';

/** See the top of the file. */
export class TurnGuardedExecutor implements Executor {
  readonly scenario: string;
  readonly #executor: Executor;
  readonly #turns: GuardedTurns;
  readonly #onTestTurn: (() => void) | undefined;

  /** `seed` is that of `world.random` in all its executions. */
  constructor({ onTurn, ...simulation }: NamedSimulation, turns: GuardedTurns, seed: string) {
    this.scenario = simulation.name;
    this.#executor = simulationExecutor({ ...simulation, seed });
    this.#turns = turns;
    this.#onTestTurn = onTurn;
  }

  execute(request: ExecutionRequest): Promise<Verdict> {
    const { nextTurn, onTurn } = this.#turns.options;
    const { onTurn: onInnerTurn } = request;
    return this.#executor.execute({
      ...request,
      nextTurn,
      onTurn: () => {
        onTurn();
        this.#onTestTurn?.();
        onInnerTurn?.();
      },
    });
  }
}
