// What a scenario calls on its `sim` is no export of a door, but users call nothing more often: each method gets every kind of wrong value
// at each place, in a simulation of its own.
import { types } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { checkThat, Simulation } from '../../src/simulation/simulation.ts';
import { methodNames, type Call } from './door-walk.ts';
import { HOSTILE_KINDS } from './hostile-values.ts';

/** Arguments that are right; one after the other is replaced. */
const VALID: Readonly<Record<string, readonly unknown[]>> = {
  now: [],
  sleep: [1],
  choose: ['which', 3],
  pick: ['which', [1, 2]],
  draw: ['value', fc.nat(3)],
  check: [true, 'it holds', new Error('why')],
  always: ['it holds', () => true],
  sometimes: ['it comes', true],
  heal: [],
  onHeal: [() => undefined],
  eventually: ['it holds', () => true, { withinMs: 5 }],
  strikes: ['here', 'slip', {}],
  atSomeEvent: ['here', () => undefined, {}],
  state: [() => 1],
  load: ['./no-such-module.mjs'],
  onEnd: [() => undefined],
  note: ['it begins'],
};

/** Called by the simulation itself, when the scenario is over. */
const INTERNAL: ReadonlySet<string> = new Set(['takeEndHook', 'end']);

/** What a check says that does not hold, or a condition whose own function throws. */
const FAILURES = /^(CheckFailed|EventuallyFailed)Error$/;

/** Each call that gave what it may not. */
async function breaches(
  name: string,
  valid: readonly unknown[],
  of: (sim: Simulation) => Call,
): Promise<string[]> {
  const found: string[] = [];
  for (const place of valid.keys()) {
    for (const { kind, make } of HOSTILE_KINDS) {
      const given = [...valid];
      given[place] = make();
      await simulate({
        maxEvents: 1_000,
        scenario: async (sim) => {
          try {
            const result = of(sim)(...given);
            // What was picked is what was given, and has no promise to be waited for.
            if (types.isPromise(result)) await Promise.race([result, sim.sleep(9)]);
          } catch (error) {
            if (!isRunnerError(error) && !FAILURES.test((error as Error).name)) {
              found.push(`${name}, argument ${place + 1}, ${kind}: ${String(error)}`);
            }
          }
        },
      });
    }
  }
  return found;
}

describe('R-11 for any argument, a scenario gets nothing but a typed error of', () => {
  const methods = methodNames(Simulation.prototype).filter((name) => !INTERNAL.has(name));

  test('each method of a simulation, which has a row', () => {
    expect(methods.toSorted()).toEqual(Object.keys(VALID).toSorted());
  });

  test.for(methods)('sim.%s', async (name) => {
    const of =
      (sim: Simulation): Call =>
      (...given) =>
        (sim as unknown as Record<string, Call>)[name]?.apply(sim, given);
    expect(await breaches(name, VALID[name] ?? [], of)).toEqual([]);
  });

  test('checkThat', async () => {
    const of =
      (sim: Simulation): Call =>
      (condition, message) =>
        checkThat(sim, condition, message as string);
    expect(await breaches('checkThat', [true, 'it holds'], of)).toEqual([]);
  });
});
