/**
 * What a workload needs of the place where it runs: a simulation, a held world or the machine. Invariant: it uses
 * nothing else of it.
 */
import type { Simulation } from '../../simulation/simulation.ts';
import type { World } from '../../model/world.ts';

/** The methods of a simulation that a workload uses; a `Simulation` is one. */
export interface WorkloadHost extends Pick<
  Simulation,
  'now' | 'choose' | 'check' | 'sometimes' | 'atSomeEvent' | 'heal'
> {
  readonly world: World;
  sleep(ms: number, label?: string): Promise<void>;
}
