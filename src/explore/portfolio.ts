/**
 * All strategies in turns, because none is the best for every bug. Invariant: which member runs an execution depends on seed and index
 * alone, so that a campaign can be sharded; members with memory learn from what their shard ran.
 */
import type { DueEvents } from '../kernel/decisions.ts';
import { seedText } from '../kernel/seeded-random.ts';
import { hashText } from '../kernel/text-hash.ts';
import { DrawStream } from './draw-stream.ts';
import { MutationStrategy } from './mutation-strategy.ts';
import { pctStrategy } from './pct-strategy.ts';
import { posStrategy } from './pos-strategy.ts';
import { randomStrategy } from './random-strategy.ts';
import type { Execution, Strategy } from './strategy.ts';
import { swarmStrategy } from './swarm-strategy.ts';
import { sweepStrategy } from './sweep-strategy.ts';
import { walkStrategy } from './walk-strategy.ts';

/** Until here every second execution is one of the sweep, if it has any left. */
const SWEEP_UNTIL = 512;
/** Afterwards one in so many. */
const LATER_SWEEP_ONE_IN = 8;

/** How many of 16 executions each member gets when it is not the sweep's turn. */
const SHARES = { random: 2, swarm: 3, pct: 3, pos: 2, walk: 2, mutation: 4 } as const;
type MemberName = keyof typeof SHARES;

class PortfolioStrategy implements Strategy {
  readonly name = 'portfolio';
  readonly wantsCoverage = true;
  readonly #draws: DrawStream;
  readonly #sweep = sweepStrategy();
  readonly #mutation: MutationStrategy;
  /** A member per share. */
  readonly #members: readonly Strategy[];
  readonly #passOn: NonNullable<Strategy['onFire']> = (event, made) => this.#member.onFire?.(event, made);
  #member: Strategy = this.#sweep;

  constructor(seed: string | number) {
    const text = seedText(seed);
    this.#draws = new DrawStream(text, 'portfolio');
    this.#mutation = new MutationStrategy(`${text}/mutation`);
    const made: Readonly<Record<MemberName, Strategy>> = {
      random: randomStrategy(`${text}/random`),
      swarm: swarmStrategy(`${text}/swarm`),
      pct: pctStrategy(`${text}/pct`),
      pos: posStrategy(`${text}/pos`),
      walk: walkStrategy(`${text}/walk`),
      mutation: this.#mutation,
    };
    this.#members = (Object.keys(SHARES) as MemberName[]).flatMap((name) =>
      Array.from({ length: SHARES[name] }, () => made[name]),
    );
  }

  get configuration(): string {
    const { name, configuration } = this.#member;
    return configuration === undefined ? name : `${name}: ${configuration}`;
  }

  /** Undefined when the member whose turn it is does not care, because telling costs an object per event. */
  get onFire(): Strategy['onFire'] {
    return this.#member.onFire === undefined ? undefined : this.#passOn;
  }

  begin(index: number): boolean {
    const turn = sweepTurn(index);
    if (turn !== undefined && this.#sweep.begin(turn)) {
      this.#member = this.#sweep;
      return true;
    }
    this.#draws.restart(index);
    this.#member = this.#members[this.#draws.below(this.#members.length)] as Strategy;
    return this.#member.begin(index);
  }

  decide(label: string, n: number, occurrence: number, labelHash: number = hashText(label)): number {
    if (this.#member !== this.#mutation) this.#mutation.note(labelHash, occurrence);
    return this.#member.decide(label, n, occurrence, labelHash);
  }

  order(label: string, due: DueEvents, occurrence: number, labelHash: number = hashText(label)): number {
    const member = this.#member;
    if (member.order === undefined) return this.decide(label, due.count, occurrence, labelHash);
    this.#mutation.note(labelHash, occurrence);
    return member.order(label, due, occurrence, labelHash);
  }

  end(execution: Execution): void {
    if (this.#member !== this.#mutation) this.#mutation.learn(execution);
    this.#member.end(execution);
  }
}

/** The sweep's own index of execution `index`, if it is the sweep's turn. The first one is the plain schedule. */
function sweepTurn(index: number): number | undefined {
  if (index === 0) return 0;
  if (index < SWEEP_UNTIL) return index % 2 === 1 ? (index + 1) / 2 : undefined;
  const since = index - SWEEP_UNTIL - 1;
  if (since % LATER_SWEEP_ONE_IN !== 0) return undefined;
  return SWEEP_UNTIL / 2 + 1 + since / LATER_SWEEP_ONE_IN;
}

/**
 * The default: the plain schedule first, then {@link sweepStrategy} in every second execution until it has nothing left, and in
 * between, later always, random, swarm, PCT of depth 1 to 3, POS, walk and mutation in turns that are drawn by index. All of them feed
 * the mutation's corpus, if a coverage meter is given. `configuration` names the member and what it drew.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, portfolioStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'lost-reply',
 *   description: 'no reply of thirty is needed',
 *   run(sim) {
 *     for (let i = 0; i < 30; i += 1) sim.check(sim.choose(`link reply call-${i} fault`, 1_000) === 0, 'lost');
 *   },
 * });
 * const strategy = portfolioStrategy(1);
 * const { executions } = await explore(createExecutor(scenario), strategy, { maxExecutions: 100 });
 * if (executions > 2 || strategy.configuration?.startsWith('sweep: ') !== true) throw new Error('expected the sweep');
 * ```
 */
export function portfolioStrategy(seed: string | number = 1): Strategy {
  return new PortfolioStrategy(seed);
}
