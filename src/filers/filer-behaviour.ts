/**
 * Behaviours of the calls of a simulated filer, as plain data, so that a plan can be generated, shrunk and stored in a
 * file.
 */
import * as is from '../kernel/shape.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ExitCode } from '../model/exit-code.ts';
import type { Choices } from '../kernel/decisions.ts';
import { topicOf, type Thing, type Topic } from '../kernel/question.ts';
import { filerCallText } from '../model/faults.ts';

/** Operations of a simulated filer. `checkout` includes `checkoutAt`, and `ingest` includes `ingestMap`. */
export type FilerOperation = 'checkout' | 'ingest' | 'update' | 'release';

/** Every {@link FilerOperation}. */
const FILER_OPERATIONS: readonly FilerOperation[] = Object.freeze([
  'checkout',
  'ingest',
  'update',
  'release',
]);

/** The behaviour of one call (R175). The empty one succeeds synchronously. */
export interface FilerBehaviour {
  /** Duration in milliseconds. Default 0: the call answers synchronously. */
  readonly latencyMs?: number;
  /** The call fails at its end, with that exit code, or without one (code `RUNNER_FILER_FAILED`). */
  readonly fail?: { readonly text: string; readonly exitCode?: ExitCode };
  /** The call never ends by itself. */
  readonly hang?: boolean;
  /** Time from a cancellation until the call fails, in milliseconds. Default 0. */
  readonly cancelMs?: number;
  /** The call ignores cancellation: a filer that breaks its contract (R106). */
  readonly deaf?: boolean;
}

/** A list of behaviours for each operation. */
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
/** Argument shape of {@link FilerBehaviours}. */
export const BEHAVIOURS: is.RecordShape = is.objectOf<FilerBehaviours>(
  'lists of behaviours by operation',
  {},
  is.each(FILER_OPERATIONS, is.listOf(BEHAVIOUR)),
);

/** Describes how a behaviour differs from the usual one; empty if it does not. */
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

/** The faults in a behaviour, as named in traces; empty for the plain one. Latency alone is not a fault. */
export function faultsIn(behaviour: FilerBehaviour): string[] {
  const faults: string[] = [];
  if (behaviour.fail !== undefined) faults.push('fail');
  if (behaviour.hang === true) faults.push('hang');
  if (behaviour.deaf === true) faults.push('deaf');
  if ((behaviour.cancelMs ?? 0) > 0) faults.push('slow-cancel');
  return faults;
}

/** Where the behaviours of a filer come from. */
export interface BehaviourSourceOptions {
  readonly filer: Thing;
  readonly usual: FilerBehaviour;
  readonly plan: FilerBehaviours | undefined;
  readonly menu: FilerBehaviours | undefined;
  readonly choices: Choices | undefined;
}

const PLAIN: FilerBehaviour = Object.freeze({});

/**
 * Decides the behaviour of each call of a simulated filer: from the plan, else chosen from the menu, else the usual
 * one. Invariant: only an open choice becomes a question in the decision log, and its answer 0 is the usual behaviour.
 */
export class BehaviourSource {
  /** The largest `cancelMs` in plan and menu. */
  readonly cancelMsMax: number;
  readonly #options: BehaviourSourceOptions;
  readonly #calls: Record<FilerOperation, number> = { checkout: 0, ingest: 0, update: 0, release: 0 };
  #isHealed = false;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a menu without `choices`. */
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

  /** Ends all faults: of the behaviours of later calls only the latency is left. */
  heal(): void {
    this.#isHealed = true;
  }

  /** The behaviour of the operation's next call; undefined for the usual one. */
  next(operation: FilerOperation, subject: string): FilerBehaviour | undefined {
    const nth = this.#calls[operation];
    this.#calls[operation] += 1;
    const special = this.#options.plan?.[operation]?.[nth] ?? this.#fromMenu(operation, subject);
    return special === undefined || !this.#isHealed ? special : { latencyMs: special.latencyMs ?? 0 };
  }

  /** The behaviour of calls that are neither planned nor chosen. A release takes no time. */
  usual(operation: FilerOperation): FilerBehaviour {
    return operation === 'release' ? PLAIN : this.#options.usual;
  }

  /** The topic of a call, for decisions, timers and errors. */
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
