// Made-up walkers on small maps, who go on for ever if they like: no time passes, so their states recur. All that they can come to is
// computed from the maps, without a simulation.
import fc from 'fast-check';
import { defineScenario, type ScenarioDefinition } from '../../../src/simulation/scenario.ts';

/** A place on the map. */
export interface Place {
  /** Where a walker may go from here, by the light that is on; nowhere ends the walk. */
  readonly ways: readonly [readonly number[], readonly number[]];
  /** The light that is on once somebody has left. */
  readonly light: 0 | 1 | undefined;
  /** Nobody may be here while light 1 is on. */
  readonly isForbidden: boolean;
}

/** The map that each walker has. */
export type Walkers = readonly (readonly Place[])[];

const PLACES = 3;
const ways = fc.array(fc.nat(PLACES - 1), { maxLength: 2 });
const place: fc.Arbitrary<Place> = fc.record({
  ways: fc.tuple(ways, ways),
  light: fc.constantFrom(undefined, undefined, 0, 1),
  isForbidden: fc.integer({ min: 0, max: 5 }).map((n) => n === 5),
});

/** One walker or two. */
export const walkers: fc.Arbitrary<Walkers> = fc.array(
  fc.array(place, { minLength: PLACES, maxLength: PLACES }),
  { minLength: 1, maxLength: 2 },
);

interface State {
  readonly light: 0 | 1;
  readonly places: readonly number[];
  readonly hasEnded: readonly boolean[];
}

/** The steps that a walker can take: the state after it, or the failure. */
function stepsOf(map: Walkers, { light, places, hasEnded }: State, who: number): readonly (State | string)[] {
  const here = (map[who] as readonly Place[])[places[who] as number] as Place;
  if (here.isForbidden && light === 1) return [`check ${forbidden(who)}`];
  const ahead = here.ways[light];
  if (ahead.length === 0) {
    return [{ light, places, hasEnded: hasEnded.map((ended, one) => ended || one === who) }];
  }
  return ahead.map((way) => ({
    light: here.light ?? light,
    places: places.map((at, one) => (one === who ? way : at)),
    hasEnded,
  }));
}

function forbidden(who: number): string {
  return `walker ${'ab'[who] as string} is where nobody may be`;
}

function textOf({ light, places, hasEnded }: State): string {
  return JSON.stringify([light, places, hasEnded]);
}

/** All that the walkers can come to. */
export interface Reachable {
  readonly ends: ReadonlySet<string>;
  /** States in which somebody is still walking. */
  readonly states: number;
  readonly recurs: boolean;
}

/** Goes through the graph of states. */
export function reachable(map: Walkers): Reachable {
  const ends = new Set<string>();
  const after = new Map<string, readonly string[]>();
  const left: State[] = [{ light: 0, places: map.map(() => 0), hasEnded: map.map(() => false) }];
  for (let state = left.pop(); state !== undefined; state = left.pop()) {
    if (after.has(textOf(state))) continue;
    const { hasEnded } = state;
    const next = map.flatMap((_, who) => (hasEnded[who] === true ? [] : stepsOf(map, state, who)));
    const going: State[] = [];
    for (const one of next) {
      if (typeof one === 'string') ends.add(one);
      else if (one.hasEnded.every(Boolean)) ends.add(textOf(one));
      else going.push(one);
    }
    after.set(textOf(state), going.map(textOf));
    left.push(...going);
  }
  return { ends, states: after.size, recurs: hasCycle(after) };
}

/** Takes away what nothing left leads to, until nothing is left or all that is left leads round. */
function hasCycle(after: ReadonlyMap<string, readonly string[]>): boolean {
  const left = new Set(after.keys());
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const state of left) if (!after.get(state)?.some((next) => left.has(next))) left.delete(state);
  }
  return left.size > 0;
}

/** The walkers as a scenario that declares its state, with the end of the execution that ended last. */
export function walkerScenario(map: Walkers): {
  readonly definition: ScenarioDefinition<undefined>;
  readonly end: () => string;
} {
  let state: State;
  const definition = defineScenario({
    name: 'walkers',
    description: 'walkers on small maps',
    options: { maxEvents: 400 },
    async run(sim) {
      state = { light: 0, places: map.map(() => 0), hasEnded: map.map(() => false) };
      sim.state(() => [state.light, state.places]);
      const { clock, choices } = sim.world;
      const step = (who: number, done: () => void): void => {
        const steps = stepsOf(map, state, who);
        const next = steps[steps.length > 1 ? choices.choose('way', steps.length) : 0] as State | string;
        sim.check(typeof next !== 'string', forbidden(who));
        if (typeof next === 'string') return;
        state = next;
        if (next.hasEnded[who] === true) done();
        else clock.post(`walker ${who}`, () => step(who, done));
      };
      const walk = (who: number): Promise<void> =>
        new Promise((done) => {
          clock.post(`walker ${who}`, () => step(who, done));
        });
      await Promise.all(map.map((_, who) => walk(who)));
    },
  });
  return { definition, end: () => textOf(state) };
}
