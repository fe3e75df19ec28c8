/**
 * Faults that a scenario places itself. Invariant: answer 0 of each question is no fault, and each fault that strikes
 * is a `fault` event (R212).
 */
import * as is from '../kernel/shape.ts';
import { choosesFault } from '../kernel/decisions.ts';
import { question, topicOf } from '../kernel/question.ts';
import { namedFaultText, type FaultEvent } from '../model/faults.ts';
import type { World } from '../model/world.ts';
import type { EventAction } from './event-actions.ts';
import { check } from '../kernel/argument-check.ts';

type FaultWorld = Pick<World, 'clock' | 'choices'> & Required<Pick<World, 'tracer'>>;

/** Argument shape of `oneIn`: of this many answers, the highest is the fault. */
export const CHANCE: is.NumberShape = is.integer(2);
/** As {@link CHANCE}, or true for the default chance, or false for never. */
export const CHANCE_OR_SWITCH: is.Shape = is.anyOf('true, false or an integer ≥ 2', is.BOOLEAN, CHANCE);

/** How likely a fault is. */
export interface StrikesOptions {
  readonly oneIn?: number;
}
export const STRIKES_OPTIONS: is.RecordShape = is.optionsOf<StrikesOptions>({}, { oneIn: CHANCE });

/** After how many events a fault strikes at the latest. */
export interface SomeEventOptions {
  readonly within?: number;
}
export const SOME_EVENT_OPTIONS: is.RecordShape = is.optionsOf<SomeEventOptions>(
  {},
  { within: is.integer(1) },
);

/** See `Simulation.strikes`. */
export function strikesAt(world: FaultWorld, where: string, kind: string, oneIn: number): boolean {
  const topic = topicOf({ owner: where, what: kind });
  if (!choosesFault(world.choices, topic, oneIn, () => namedFaultText(where, kind))) return false;
  traceFault(world, { operation: where, kind });
  return true;
}

/**
 * See `Simulation.atSomeEvent`: returns after which event from now `action` strikes, and what to run then; undefined if
 * it never strikes.
 */
export function strikeAtSomeEvent(
  world: FaultWorld,
  label: string,
  action: EventAction,
  within: number,
): { readonly nth: number; readonly act: EventAction } | undefined {
  check('action', action, is.FUNCTION);
  const describe = (k: number): string => (k === 0 ? '' : `${label}, right after event ${k} from here`);
  const nth = world.choices.choose(question('fault', label), within + 1, describe);
  if (nth === 0) return undefined;
  const act = (): Promise<void> | void => {
    traceFault(world, { operation: 'event', kind: label, afterEvent: nth });
    return action();
  };
  return { nth, act };
}

function traceFault(
  { tracer, clock }: FaultWorld,
  fault: Pick<FaultEvent, 'operation' | 'kind' | 'afterEvent'>,
): void {
  tracer.record({ at: clock.now(), type: 'fault', runner: 'scenario', runId: '', ...fault });
}
