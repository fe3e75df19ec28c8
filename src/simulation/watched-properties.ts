/**
 * Properties that are checked after every event: those that must always hold, and those that must come true in time.
 * Invariants: a property is checked when all promise reactions of an event have run and never in between; properties
 * are judged in the order they were stated; one that has come true, or whose time is over, is not checked again.
 */
import type { Timer } from '../kernel/clock.ts';
import { errorOptions, invalidArgument, messageOf, shownText } from '../kernel/errors.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { type FailureFact, placedAt, plainFact } from './failure-fact.ts';
import type { ReportFailure } from './verdict.ts';

/**
 * Returns whether a property holds now. It must only read: the effect of any change would depend on how often it is
 * called.
 */
export type Holds = () => boolean;

/** `sim.eventually` rejects with this when its time is over; the verdict has noted the failure before. */
export class EventuallyFailedError extends Error {
  override readonly name = 'EventuallyFailedError';

  constructor(message = '', options?: ErrorOptions) {
    super(shownText(message), errorOptions(options));
  }
}

/** The methods of a simulation that state a property. */
export type PropertyVerb = 'always' | 'eventually';

/** A call of such a method as errors show it. */
export function propertyCall(verb: PropertyVerb, name: string): string {
  return `sim.${verb}("${name}")`;
}

interface AlwaysProperty {
  readonly verb: PropertyVerb;
  readonly name: string;
  readonly holds: Holds;
  /** Error whose stack is where the property was stated, if places are captured. */
  readonly stated: Error | undefined;
}

interface AwaitedProperty extends AlwaysProperty {
  readonly withinMs: number;
  deadline: Timer;
  /** True once its deadline was put behind everything else that was due then. */
  isLast: boolean;
  readonly resolve: () => void;
  readonly reject: (error: EventuallyFailedError) => void;
}

/** The result of checking a property; `why` is the thrown value, if there was one. */
interface Look {
  readonly isTrue: boolean;
  readonly why?: unknown;
}

const TRUE: Look = { isTrue: true };
const FALSE: Look = { isTrue: false };
/** First line of the detail that says where a property was stated; the stack follows. */
const STATED_HERE = 'it was stated here';

/** Result of a check. After `settled`, promise reactions must run before the next event. */
export type PropertiesCheck = 'failed' | 'settled' | 'unchanged';

/** The properties of one simulation. */
export class WatchedProperties {
  /**
   * True if there is anything to check; read before every event, so that simulations without properties pay for nothing
   * else.
   */
  isNeeded = false;
  readonly #clock: VirtualClock;
  readonly #report: ReportFailure;
  readonly #capturePlaces: boolean;
  readonly #always: AlwaysProperty[] = [];
  readonly #awaited = new Set<AwaitedProperty>();

  constructor(clock: VirtualClock, report: ReportFailure, capturePlaces = false) {
    this.#clock = clock;
    this.#report = report;
    this.#capturePlaces = capturePlaces;
  }

  addAlways(name: string, holds: Holds): void {
    this.#always.push({ verb: 'always', name, holds, stated: this.#place() });
    this.isNeeded = true;
  }

  /**
   * Resolves when `holds` is true. If it is still false at the end of the instant `withinMs` from now, rejects and
   * fails the simulation.
   */
  awaitProperty(name: string, holds: Holds, withinMs: number): Promise<void> {
    const stated = this.#place();
    const awaited = new Promise<void>((resolve, reject) => {
      const deadline = this.#clock.endOfInstant(deadlineOf(name), withinMs, () => this.#judge(property));
      const stating = { verb: 'eventually', name, holds, stated } as const;
      const property: AwaitedProperty = {
        ...stating,
        ...{ withinMs, deadline, isLast: false, resolve, reject },
      };
      this.#awaited.add(property);
      this.isNeeded = true;
    });
    // The verdict has the failure even if the scenario no longer awaits this promise.
    awaited.catch(() => undefined);
    return awaited;
  }

  /** The pending `eventually` calls, as errors show them. */
  awaited(): string[] {
    if (this.#awaited.size === 0) return [];
    return Array.from(this.#awaited, ({ verb, name }) => propertyCall(verb, name));
  }

  /** Checks all properties; called between two events. */
  check(): PropertiesCheck {
    for (const property of this.#always) {
      const look = this.#lookAt(property);
      if (look.isTrue) continue;
      const { name, stated } = property;
      this.#report('always', `"${name}" does not hold${reasonOf(look)}`, look.why, placeOf(stated));
      return 'failed';
    }
    let result: PropertiesCheck = 'unchanged';
    for (const property of this.#awaited) {
      if (!this.#lookAt(property).isTrue) continue;
      this.#settle(property);
      result = 'settled';
    }
    return result;
  }

  /** The last check, unless something else is due at the end of this instant: then there is one more, behind that. */
  #judge(property: AwaitedProperty): void {
    const { name, stated, withinMs, reject } = property;
    const look = this.#lookAt(property);
    if (look.isTrue) {
      this.#settle(property);
      return;
    }
    const clock = this.#clock;
    if (!property.isLast && clock.pendingEvents(1)[0]?.atMs === clock.now()) {
      property.isLast = true;
      property.deadline = clock.endOfInstant(deadlineOf(name), 0, () => this.#judge(property));
      return;
    }
    this.#remove(property);
    const message = `"${name}" has not come true within ${withinMs} ms without faults${reasonOf(look)}`;
    const error = new EventuallyFailedError(message, { cause: look.why });
    this.#report('eventually', message, look.why ?? error, placeOf(stated));
    reject(error);
  }

  /** A property whose function throws does not hold; a result other than a boolean is a mistake of its author. */
  #lookAt({ verb, name, holds, stated }: AlwaysProperty): Look {
    let answer: unknown;
    try {
      answer = holds();
    } catch (why) {
      return { isTrue: false, why };
    }
    if (typeof answer === 'boolean') return answer ? TRUE : FALSE;
    const call = `the function of ${propertyCall(verb, name)}`;
    const error = invalidArgument(call, 'one that returns true or false', answer);
    this.#report('error', error.message, error, placeOf(stated));
    throw error;
  }

  #place(): Error | undefined {
    return this.#capturePlaces ? new Error('place') : undefined;
  }

  #settle(property: AwaitedProperty): void {
    property.deadline.cancel();
    this.#remove(property);
    property.resolve();
  }

  #remove(property: AwaitedProperty): void {
    this.#awaited.delete(property);
    this.isNeeded = this.#always.length + this.#awaited.size > 0;
  }
}

function deadlineOf(name: string): string {
  return `eventually ${name}`;
}

function placeOf(stated: Error | undefined): FailureFact[] {
  const { stack } = placedAt(stated);
  return stack === undefined ? [] : [plainFact(STATED_HERE, stack)];
}

function reasonOf(look: Look): string {
  return 'why' in look ? `: ${messageOf(look.why)}` : '';
}
