/**
 * Answers everything but order according to a configuration that is drawn for each execution: some kinds of faults off,
 * others wild. Invariant: an answer depends only on seed, index of the execution, question and occurrence.
 */
import { randomDecisions, type RandomSource } from '../../kernel/random-decisions.ts';
import { seedText } from '../../kernel/seeded-random.ts';
import { hashText } from '../../kernel/text-hash.ts';
import type { AskedFault, DescribeAnswer } from '../../kernel/decisions.ts';
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';
import { STRATEGY_ODDS } from '../../model/odds.ts';

const WORD = 0x1_0000_0000;
const QUESTIONS_KEPT = 8192;

/** How often an active site of a fault kind strikes, in units of 1 / 2^32. */
const WEIGHTS = [
  { name: 'off', words: 0 },
  { name: 'rare', words: WORD / STRATEGY_ODDS.rareOneIn },
  { name: 'usual', words: WORD / STRATEGY_ODDS.usualOneIn },
  { name: 'wild', words: WORD / STRATEGY_ODDS.wildOneIn },
] as const;
const { activeOfFour } = STRATEGY_ODDS;
/** How a site that draws for the scenario behaves: uniform, mostly the default answer, or mostly a favourite one. */
const HABITS = ['uniform', 'uniform', 'plain', 'favourite'] as const;
const DELAYS = ['off', 'uniform', 'extreme'] as const;

// Lanes: separate draws for one question, in addition to its plain answer.
const WEIGHT_LANE = 0x2545f491;
const SITE_LANE = 0x3c6ef372;
const STRIKE_LANE = 0x510e527f;
const HIGHEST_LANE = 0x6a09e667;
const KIND_LANE = 0x3f84d5b5;
const EXTREME_LANE = 0x1f83d9ab;
const HABIT_LANE = 0x5be0cd19;
const FAVOURITE_LANE = 0x137e2179;

interface FaultKind {
  readonly text: string;
  readonly hash: number;
  /** The execution for which `weight` was drawn. */
  epoch: number;
  weight: (typeof WEIGHTS)[number];
}

interface KnownQuestion {
  /** Not used for a question that asks for several kinds of faults. */
  readonly fault: FaultKind | undefined;
  readonly siteHash: number;
  /** The execution for which `words` and `habit` were drawn. */
  epoch: number;
  words: number;
  habit: (typeof HABITS)[number];
}

/**
 * Swarm testing (Groce, Zhang, Eide, Chen, Regehr: Swarm Testing, ISSTA 2012): each execution turns some kinds of
 * faults off and gives the others random weights, because a feature that is never absent hides what happens without it.
 * The topic of a question names its kind, unless its asker says that it covers several. For kinds that are on, only
 * some sites are active, as in FoundationDB's two-level `BUGGIFY`; a site is a question regardless of its subject.
 * Delays are off, uniform or extreme (none or the longest). The scenario's own draws are uniform in half of the
 * executions; in the others, a site may prefer the plain answer or a favourite one.
 */
export class SwarmStrategy implements Strategy {
  readonly name = 'swarm';
  private readonly seed: string;
  private readonly questions = new Map<Question, KnownQuestion>();
  private readonly kinds = new Map<string, FaultKind>();
  private draws: RandomSource;
  private epoch = 0;
  private activeOfFour: number = 4;
  private hasHabits = false;
  private delays: (typeof DELAYS)[number] = 'uniform';
  /** How many of four extreme delays are the longest. */
  private longestOfFour = 2;
  private met: FaultKind[] = [];

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number. */
  constructor(seed: string | number) {
    this.seed = seedText(seed);
    this.draws = randomDecisions(this.seed);
  }

  /** Draws the configuration of execution `index`. */
  begin(index: number): boolean {
    this.draws = randomDecisions(`${this.seed}/${index}`);
    this.epoch += 1;
    this.activeOfFour = activeOfFour[this.draws.draw(hashText('sites'), activeOfFour.length, 0)] ?? 4;
    this.hasHabits = this.draws.draw(hashText('habits'), 2, 0) === 1;
    this.delays = DELAYS[this.draws.draw(hashText('delays'), DELAYS.length, 0)] ?? 'uniform';
    this.longestOfFour = 1 + this.draws.draw(hashText('longest'), 3, 0);
    this.met = [];
    return true;
  }

  end(): void {}

  /** The configuration in one line, with the kinds of faults asked for so far. */
  get configuration(): string {
    const kinds = this.met.map(({ text, weight }) => `${text} ${weight.name}`);
    const faults = kinds.length === 0 ? 'none asked for' : kinds.join(', ');
    return `faults: ${faults}; sites ${25 * this.activeOfFour} %; delays ${this.delayText}`;
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    const known = this.questions.get(question) ?? this.firstMet(question);
    const { kind, hash } = question;
    if (known.fault !== undefined) {
      const faults = describe?.faults;
      return faults === undefined
        ? this.fault(known, known.fault, n, occurrence, hash)
        : this.#faultAmong(known, faults, occurrence, hash);
    }
    if ((kind === 'choice' || kind === 'draw') && this.hasHabits) {
      return this.choice(known, n, occurrence, hash);
    }
    if (kind === 'delay' && this.delays !== 'uniform') {
      if (this.delays === 'off') return 0;
      const drawn = this.draws.draw(hash ^ EXTREME_LANE, 4, occurrence);
      return drawn < this.longestOfFour ? n - 1 : 0;
    }
    return this.draws.decide(question, n, occurrence);
  }

  private get delayText(): string {
    return this.delays === 'extreme' ? `extreme, ${25 * this.longestOfFour} % longest` : this.delays;
  }

  /**
   * Which of `n` > 1 answers to give once a fault was decided on: every second time the highest, which is a fault by
   * convention.
   */
  private fault(known: KnownQuestion, kind: FaultKind, n: number, occurrence: number, hash: number): number {
    const words = known.epoch === this.epoch ? known.words : this.drawWords(known, kind);
    const { draws } = this;
    if (words === 0 || draws.draw(hash ^ STRIKE_LANE, WORD, occurrence) >= words) return 0;
    if (draws.draw(hash ^ HIGHEST_LANE, 2, occurrence) === 1) return n - 1;
    return 1 + draws.draw(hash, n - 1, occurrence);
  }

  /** Each kind has its own weight, and may be off at this site: the kind is drawn first, then whether it strikes. */
  #faultAmong(
    { siteHash }: KnownQuestion,
    faults: readonly AskedFault[],
    occurrence: number,
    hash: number,
  ): number {
    const { draws } = this;
    const asked = faults[draws.draw(hash ^ KIND_LANE, faults.length, occurrence)] as AskedFault;
    const kind = this.kindOf(asked.kind);
    const { words } = this.#weightOf(kind);
    const isActive = draws.draw(siteHash ^ kind.hash ^ SITE_LANE, 4, 0) < this.activeOfFour;
    if (words === 0 || !isActive) return 0;
    return draws.draw(hash ^ STRIKE_LANE, WORD, occurrence) < words ? asked.answer : 0;
  }

  /** By habit in three of four cases, else uniformly. */
  private choice(known: KnownQuestion, n: number, occurrence: number, hash: number): number {
    const { draws } = this;
    if (known.epoch !== this.epoch) {
      known.epoch = this.epoch;
      known.habit = HABITS[draws.draw(known.siteHash ^ HABIT_LANE, HABITS.length, 0)] ?? 'uniform';
    }
    const { habit } = known;
    if (habit === 'uniform' || draws.draw(hash ^ HABIT_LANE, 4, occurrence) === 0) {
      return draws.draw(hash, n, occurrence);
    }
    return habit === 'plain' ? 0 : draws.draw(known.siteHash ^ FAVOURITE_LANE, n, 0);
  }

  private drawWords(known: KnownQuestion, kind: FaultKind): number {
    const weight = this.#weightOf(kind);
    const isActive = this.draws.draw(known.siteHash ^ SITE_LANE, 4, 0) < this.activeOfFour;
    known.epoch = this.epoch;
    known.words = isActive ? weight.words : 0;
    return known.words;
  }

  #weightOf(kind: FaultKind): FaultKind['weight'] {
    const { draws, epoch } = this;
    if (kind.epoch !== epoch) {
      kind.epoch = epoch;
      kind.weight = WEIGHTS[draws.draw(kind.hash ^ WEIGHT_LANE, WEIGHTS.length, 0)] ?? WEIGHTS[0];
      this.met.push(kind);
    }
    return kind.weight;
  }

  private firstMet(question: Question): KnownQuestion {
    // Forgotten entries are drawn again with the same result.
    if (this.questions.size >= QUESTIONS_KEPT) this.questions.clear();
    const { what, site } = question.topic;
    const known: KnownQuestion = {
      fault: question.kind === 'fault' ? this.kindOf(what === '' ? site : what) : undefined,
      siteHash: hashText(question.site),
      epoch: 0,
      words: 0,
      habit: 'uniform',
    };
    this.questions.set(question, known);
    return known;
  }

  private kindOf(text: string): FaultKind {
    let kind = this.kinds.get(text);
    if (kind === undefined) {
      if (this.kinds.size >= QUESTIONS_KEPT) this.kinds.clear();
      kind = { text, hash: hashText(text), epoch: 0, weight: WEIGHTS[0] };
      this.kinds.set(text, kind);
    }
    return kind;
  }
}

/**
 * Swarm testing (Groce, Zhang, Eide, Chen, Regehr: Swarm Testing, ISSTA 2012): in each execution some kinds of faults
 * are off and others rare, usual or wild, and delays are off, uniform or extreme. Order is uniform, and so are the
 * scenario's own draws, except that in half of the executions some sites prefer one answer. `configuration` says what
 * was drawn. A pure function of seed and index.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { question } from 'dryrunner/kernel';
 * import { swarmStrategy } from 'dryrunner/explore';
 * const strategy = swarmStrategy(7);
 * const crash = question('fault', { owner: 'node-1', what: 'crash' });
 * strategy.begin(0);
 * const answers = [0, 1, 2, 3].map((call) => strategy.decide(crash, 8, call));
 * if (answers.some((answer) => answer < 0 || answer > 7)) throw new Error('one of the alternatives');
 * if (strategy.configuration?.includes('crash') !== true) throw new Error('the kind is in the line');
 * ```
 */
export function swarmStrategy(seed: string | number = 1): Strategy {
  return new SwarmStrategy(seed);
}
