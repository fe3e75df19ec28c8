/** How one call of a simulated filer goes. Plain data, so that a plan can be generated, shrunk and kept in a file. */
import * as is from '../kernel/shape.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ExitCode } from '../model/exit-code.ts';
import type { Choices } from '../kernel/decisions.ts';
import { topicOf, type Thing, type Topic } from '../kernel/question.ts';
import { filerCallText } from '../model/faults.ts';

/** What a simulated filer can be asked for. `checkout` stands for `checkoutAt` too, `ingest` for `ingestMap`. */
export type FilerOperation = 'checkout' | 'ingest' | 'update' | 'release';

/** All operations. */
const FILER_OPERATIONS: readonly FilerOperation[] = Object.freeze([
  'checkout',
  'ingest',
  'update',
  'release',
]);

/** How one call goes (R175). The empty one answers at once and succeeds. */
export interface FilerBehaviour {
  /** How long it takes. Default 0: the answer is there when the call returns. */
  readonly latencyMs?: number;
  /** It fails at its end: with that exit code, or without code (then `RUNNER_FILER_FAILED`). */
  readonly fail?: { readonly text: string; readonly exitCode?: ExitCode };
  /** It never ends by itself. */
  readonly hang?: boolean;
  /** How long after a cancellation it takes to fail. Default 0. */
  readonly cancelMs?: number;
  /** It ignores cancellation: a filer that breaks its promise (R106). */
  readonly deaf?: boolean;
}

/** Behaviours by operation, a list each. */
export type FilerBehaviours = Partial<Record<FilerOperation, readonly FilerBehaviour[]>>;

const BEHAVIOUR = is.objectOf<FilerBehaviour>(
  'the behaviour of a filer',
  {},
  {
    ...is.each(['latencyMs', 'cancelMs'], is.DURATION_MS),
    ...is.each(['hang', 'deaf'], is.BOOLEAN),
    fail: is.objectOf<NonNullable<FilerBehaviour['fail']>>(
      'an object with text',
      { text: is.TEXT },
      { exitCode: is.WHOLE },
    ),
  },
);
/** The shape of behaviours by operation. */
export const BEHAVIOURS: is.RecordShape = is.objectOf<FilerBehaviours>(
  'lists of behaviours by operation',
  {},
  is.each(FILER_OPERATIONS, is.listOf(BEHAVIOUR)),
);

/** What a call does that goes so, as far as it is not usual; empty for what is. */
function behaviourText(behaviour: FilerBehaviour, usual: FilerBehaviour): string {
  const { latencyMs = 0, fail, hang = false, deaf = false, cancelMs = 0 } = behaviour;
  const parts = [
    ...(latencyMs === (usual.latencyMs ?? 0) || hang ? [] : [`takes ${latencyMs} ms`]),
    ...(hang ? ['hangs until it is cancelled'] : []),
    ...(fail === undefined ? [] : [`fails ("${fail.text}")`]),
    ...(deaf ? ['ignores cancellation'] : []),
    ...(cancelMs > 0 ? [`takes ${cancelMs} ms to honour cancellation`] : []),
  ];
  return parts.join(' and ');
}

/** The faults in a behaviour, as they are called in traces; none for the plain one. Latency alone is no fault. */
export function faultsIn(behaviour: FilerBehaviour): string[] {
  const faults: string[] = [];
  if (behaviour.fail !== undefined) faults.push('fail');
  if (behaviour.hang === true) faults.push('hang');
  if (behaviour.deaf === true) faults.push('deaf');
  if ((behaviour.cancelMs ?? 0) > 0) faults.push('slow-cancel');
  return faults;
}

/** What behaviours are taken from. */
export interface BehaviourSourceOptions {
  readonly filer: Thing;
  readonly usual: FilerBehaviour;
  readonly plan: FilerBehaviours | undefined;
  readonly menu: FilerBehaviours | undefined;
  readonly choices: Choices | undefined;
}

const PLAIN: FilerBehaviour = Object.freeze({});

/**
 * Says how the next call of a simulated filer goes: by plan, else by choice from the menu, else as usual. Invariant: only an open
 * choice is asked of the decision log, and its answer 0 is the usual behaviour.
 *
 * See {@link BehaviourSourceOptions}.
 */
export class BehaviourSource {
  /** The slowest cancellation that plan and menu know. */
  readonly cancelMsMax: number;
  readonly #options: BehaviourSourceOptions;
  readonly #calls: Record<FilerOperation, number> = { checkout: 0, ingest: 0, update: 0, release: 0 };

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a menu that nobody takes from. */
  constructor(options: BehaviourSourceOptions) {
    const { plan, menu, choices } = options;
    const all = FILER_OPERATIONS.flatMap((operation) => [
      ...(plan?.[operation] ?? []),
      ...(menu?.[operation] ?? []),
    ]);
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
