/**
 * One case of the suite: what it proves, what it needs, and its body. Invariant: it knows no test framework; whoever runs it asks
 * `skipReason` first and takes what `prove` throws for the failure.
 */
import { messageOf } from '../kernel/errors.ts';
import type { World } from '../model/world.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Failure } from '../simulation/verdict.ts';
import type { Capability } from './capability.ts';
import { CaseContext } from './case-context.ts';
import { ConformanceError } from './check.ts';
import type { ConformanceSubject } from './subject.ts';

/** A case as it is written down. */
export interface CaseSpec {
  /** Begins with the numbers of the rules that it proves, then says what happens. */
  readonly title: string;
  /** What a runner must support for the case to mean anything. Default: nothing. */
  readonly needs?: readonly Capability[];
  readonly run: (t: CaseContext) => Promise<void>;
}

/** How a case is run. */
export interface ProveOptions {
  /** Seeds of the simulations in virtual time, each an order of events of its own; default 1, 2 and 3. */
  readonly seeds?: readonly (string | number)[];
}

const DEFAULT_SEEDS = [1, 2, 3];

/** A case that can be run against any subject. */
export class ConformanceCase {
  readonly title: string;
  /** The part of the contract it belongs to, such as `abort`. */
  readonly group: string;
  /** Numbers of the rules that it proves. */
  readonly rules: readonly string[];
  readonly needs: readonly Capability[];
  readonly run: (t: CaseContext) => Promise<void>;

  constructor(group: string, { title, needs = [], run }: CaseSpec) {
    this.title = title;
    this.group = group;
    this.rules = /^(?:[RD]\d+ )+/.exec(title)?.[0].match(/R\d+/g) ?? [];
    this.needs = needs;
    this.run = run;
  }

  /** Why the case means nothing for this subject; undefined if it does. */
  skipReason({ supports }: ConformanceSubject): string | undefined {
    const reasons = this.needs.map((capability) => supports[capability]);
    return reasons.find((reason) => reason !== true);
  }

  /**
   * Runs the case. In virtual time it is a simulation per seed, which also fails for what the default oracles see, for a deadlock
   * and for anything that is left.
   *
   * Rejects with a {@link ConformanceError}, or with whatever else the runner threw.
   */
  async prove(subject: ConformanceSubject, { seeds = DEFAULT_SEEDS }: ProveOptions = {}): Promise<void> {
    if (subject.wallWorld !== undefined) {
      await this.#onTheMachine(subject, subject.wallWorld());
      return;
    }
    for (const seed of seeds) {
      const scenario = ({ world }: { readonly world: World }): Promise<void> => this.#inTime(subject, world);
      const { failure } = await simulate({ seed, name: this.title, scenario });
      if (failure !== undefined) throw asError(failure, seed);
    }
  }

  /** A body that fails ends the simulation, so that there is nothing to clean up. */
  async #inTime(subject: ConformanceSubject, world: World): Promise<void> {
    const context = new CaseContext(subject, world);
    await this.run(context);
    await context.close();
  }

  async #onTheMachine(subject: ConformanceSubject, world: World): Promise<void> {
    const context = new CaseContext(subject, world);
    try {
      await this.run(context);
    } finally {
      await context.close();
    }
  }
}

/** What the body threw, with the seed it happened under; a failure of the simulation's own is put into words. */
function asError(failure: Failure, seed: string | number): ConformanceError {
  const { kind, message, details, cause, rule } = failure;
  const what = kind === 'error' ? messageOf(cause ?? message) : `${rule ?? kind} ${message}`;
  const text = [`${what} (seed ${seed})`, ...details].join('\n');
  if (cause instanceof ConformanceError) {
    return new ConformanceError(text, cause.expected, cause.actual, cause);
  }
  return new ConformanceError(text, 'a simulation that holds', failure, cause);
}
