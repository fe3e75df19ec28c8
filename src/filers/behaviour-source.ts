/**
 * Says how the next call of a simulated filer goes: by plan, else by choice from the menu, else as usual. Invariant: only an open
 * choice is asked of the decision log, and its answer 0 is the usual behaviour.
 */
import type { Choices } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { topicOf, type Thing, type Topic } from '../kernel/question.ts';
import { filerCallText } from '../model/fault-text.ts';
import { behaviourText, FILER_OPERATIONS, checkFilerBehaviour } from './filer-behaviour.ts';
import type { FilerBehaviour, FilerBehaviours, FilerOperation } from './filer-behaviour.ts';

/** What behaviours are taken from. */
export interface BehaviourSourceOptions {
  readonly filer: Thing;
  readonly usual: FilerBehaviour;
  readonly plan: FilerBehaviours | undefined;
  readonly menu: FilerBehaviours | undefined;
  readonly choices: Choices | undefined;
}

const PLAIN: FilerBehaviour = Object.freeze({});

/** See {@link BehaviourSourceOptions}. */
export class BehaviourSource {
  /** The slowest cancellation that plan and menu know. */
  readonly cancelMsMax: number;
  readonly #options: BehaviourSourceOptions;
  readonly #calls: Record<FilerOperation, number> = { checkout: 0, ingest: 0, update: 0, release: 0 };

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a behaviour that means nothing, or a menu that nobody takes from. */
  constructor(options: BehaviourSourceOptions) {
    const { plan, menu, choices } = options;
    const all = FILER_OPERATIONS.flatMap((operation) => [
      ...(plan?.[operation] ?? []),
      ...(menu?.[operation] ?? []),
    ]);
    all.forEach(checkFilerBehaviour);
    if (menu !== undefined && choices === undefined) {
      throw invalidArgument('choices', 'someone who takes from the menu', choices);
    }
    this.cancelMsMax = all.reduce((most, { cancelMs = 0 }) => Math.max(most, cancelMs), 0);
    this.#options = options;
  }

  /** The behaviour of the next call of that operation; undefined for the usual one. */
  next(operation: FilerOperation, subject: string): FilerBehaviour | undefined {
    const nth = this.#calls[operation];
    this.#calls[operation] += 1;
    return this.#options.plan?.[operation]?.[nth] ?? this.#fromMenu(operation, subject);
  }

  /** How a call goes that is neither planned nor chosen. A release takes no time. */
  usual(operation: FilerOperation): FilerBehaviour {
    return operation === 'release' ? PLAIN : this.#options.usual;
  }

  /** Names a call in decisions, timers and errors. */
  topicOf(operation: FilerOperation, subject: string): Topic {
    return topicOf({ owner: this.#options.filer, what: operation, subject });
  }

  #fromMenu(operation: FilerOperation, subject: string): FilerBehaviour | undefined {
    const { menu, choices } = this.#options;
    const others = menu?.[operation];
    if (others === undefined || others.length === 0 || choices === undefined) return undefined;
    const describe = (answer: number): string => this.#describe(others[answer - 1], operation, subject);
    const question = this.topicOf(operation, subject).asks('fault');
    const answer = choices.choose(question, others.length + 1, describe);
    return answer === 0 ? undefined : others[answer - 1];
  }

  #describe(behaviour: FilerBehaviour | undefined, operation: FilerOperation, subject: string): string {
    const does = behaviour === undefined ? '' : behaviourText(behaviour, this.#options.usual);
    return does === '' ? '' : `${filerCallText(this.#options.filer.id, operation, subject)} ${does}`;
  }
}
