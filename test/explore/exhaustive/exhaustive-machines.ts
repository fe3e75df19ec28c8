// Made-up machines of a few processes that share variables: small enough for brute force, and with a state that is known to be complete.
import fc from 'fast-check';
import { defineScenario, type ScenarioDefinition } from '../../../src/simulation/scenario.ts';

/** What one step of a process does. Variables hold 0 … 2. */
export type MachineStep =
  | {
      readonly kind: 'set' | 'add';
      readonly variable: number;
      readonly value: number;
      readonly waits: boolean;
    }
  /** Sets the variable to what is chosen. */
  | { readonly kind: 'choose'; readonly variable: number; readonly waits: boolean }
  /** Ends its process if the variable has the value. */
  | { readonly kind: 'stop-if'; readonly variable: number; readonly value: number; readonly waits: boolean }
  /** Fails if both variables have the value. */
  | { readonly kind: 'check'; readonly variable: number; readonly value: number; readonly waits: boolean };

/** Its processes, each a list of steps. */
export type Machine = readonly (readonly MachineStep[])[];

const VARIABLES = 2;
const VALUES = 3;

const variable = fc.nat(VARIABLES - 1);
const value = fc.nat(VALUES - 1);
const waits = fc.integer({ min: 0, max: 3 }).map((n) => n === 3);
const step: fc.Arbitrary<MachineStep> = fc.oneof(
  fc.record({ kind: fc.constantFrom('set' as const, 'add' as const), variable, value, waits }),
  fc.record({ kind: fc.constant('choose' as const), variable, waits }),
  fc.record({ kind: fc.constantFrom('stop-if' as const, 'check' as const), variable, value, waits }),
);

/** Machines of two or three processes. */
export const machines: fc.Arbitrary<Machine> = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), {
  minLength: 2,
  maxLength: 3,
});

/** A machine as a scenario, with what it came to in the execution that ended last. */
export interface MachineScenario {
  readonly definition: ScenarioDefinition<undefined>;
  readonly end: () => string;
}

/** Runs a machine, which declares what `declared` makes of its state, if that is given. */
export function machineScenario(
  machine: Machine,
  declared?: (variables: readonly number[], places: readonly number[]) => unknown,
): MachineScenario {
  let variables: number[] = [];
  const definition = defineScenario({
    name: 'machine',
    description: 'a made-up machine',
    async run(sim) {
      const places = machine.map(() => 0);
      variables = Array.from({ length: VARIABLES }, () => 0);
      if (declared !== undefined) sim.state(() => declared(variables, places));
      const { clock, choices } = sim.world;
      const run = (which: number, done: () => void): void => {
        const now = machine[which]?.[places[which]!];
        if (now === undefined) {
          done();
          return;
        }
        places[which]! += 1;
        const held = variables[now.variable]!;
        if (now.kind === 'set') variables[now.variable] = now.value;
        else if (now.kind === 'add') variables[now.variable] = (held + now.value) % VALUES;
        else if (now.kind === 'choose') variables[now.variable] = choices.choose('value', VALUES);
        else if (now.kind === 'check') {
          sim.check(
            variables.some((other) => other !== now.value),
            `not all are ${'abc'[now.value]}`,
          );
        } else if (held === now.value) places[which] = Infinity;
        clock.timer(`process ${which}`, now.waits ? 1 : 0, () => run(which, done));
      };
      await Promise.all(
        machine.map(
          (_, which) =>
            new Promise<void>((resolve) => {
              clock.post(`process ${which}`, () => run(which, resolve));
            }),
        ),
      );
    },
  });
  return { definition, end: () => variables.join() };
}
