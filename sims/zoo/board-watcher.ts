/** Somebody who waits on a status store, and compares what comes of it with the diary of its writer. */
import {
  ALL_MASK,
  ABORTED_MASK,
  COMPLETE_MASK,
  DONE_MASK,
  FAILED_MASK,
  formatMask,
  isRunnerError,
  maskForState,
  PENDING_MASK,
  type QueryResult,
  RUN_STATES,
  RUNNING_MASK,
  type RunState,
  type Simulation,
  singleStatus,
  type StateMask,
  TIMEDOUT_MASK,
  UNKNOWN_MASK,
} from 'dryrunner';
import { pick, pickIndex, pickMs } from './odds.ts';
import type { Diary, Expectation, Outcome, Question } from './diary.ts';
import { failUnexpected } from './unexpected-error.ts';

const MASKS: readonly { readonly mask: StateMask; readonly names: readonly RunState[] }[] = [
  { mask: DONE_MASK, names: ['COMPLETE', 'FAILED', 'ABORTED', 'TIMEDOUT', 'UNKNOWN'] },
  { mask: PENDING_MASK, names: ['PENDING'] },
  { mask: RUNNING_MASK, names: ['RUNNING'] },
  { mask: COMPLETE_MASK, names: ['COMPLETE'] },
  { mask: FAILED_MASK, names: ['FAILED'] },
  { mask: ABORTED_MASK, names: ['ABORTED'] },
  { mask: TIMEDOUT_MASK, names: ['TIMEDOUT'] },
  { mask: UNKNOWN_MASK, names: ['UNKNOWN'] },
  { mask: maskForState('RUNNING', 'FAILED'), names: ['RUNNING', 'FAILED'] },
  { mask: ALL_MASK, names: RUN_STATES },
];
/** The last is what is left of a time that is over, as schedulers compute it. */
const TIMEOUTS_MS: readonly number[] = [Infinity, 0, 10, 20, 30, -10];
/** What a question can be about. */
const SUBJECTS: readonly string[] = [
  'the first run',
  'all runs',
  'the last two runs',
  'the last run and one that is not there',
  'no run at all',
];
/** So many states are ends. */
const ENDS = 5;
/** Every run is over by then, so a wait without an end is cancelled. */
const PATIENCE_MS = 200;
const KINDS = new Map<string, Outcome['kind']>([
  ['RUNNER_UNKNOWN_RUN', 'unknown run'],
  ['RUNNER_CANNOT_HAPPEN', 'cannot happen'],
  ['RUNNER_WAIT_CANCELLED', 'cancelled'],
  ['RUNNER_INVALID_ARGUMENT', 'invalid'],
]);

/** When a wait ended, and how it may have. */
interface Moment {
  readonly mayBe: ReadonlySet<Outcome['kind']>;
  /** What was asked for, in words. */
  readonly limit: string;
  /** What ends it just then, if nothing was written. */
  readonly due: 'cancelled' | 'empty' | undefined;
}

/** One wait after another. */
export class Watcher {
  readonly #sim: Simulation;
  readonly #diary: Diary;
  readonly #name: string;

  constructor(sim: Simulation, diary: Diary, name: string) {
    this.#sim = sim;
    this.#diary = diary;
    this.#name = name;
  }

  /** Waits `count` times; all waits are over when it resolves. */
  async watch(count: number): Promise<void> {
    for (let round = 0; round < count; round += 1) {
      await this.#sim.sleep(pickMs(this.#sim, { subject: this.#name, what: 'begins' }, 6, 10, 0, 'at'), {
        subject: this.#name,
        what: 'begins',
      });
      await this.#waitOnce();
    }
  }

  async #waitOnce(): Promise<void> {
    const question = this.#question();
    const timeoutMs = pick(this.#sim, `the timeout of ${this.#name}'s wait`, TIMEOUTS_MS, 10, (ms) =>
      ms === Infinity ? 'without limit' : `${ms} ms`,
    );
    const cancelMs =
      pickIndex(this.#sim, { subject: this.#name, what: 'cancels its wait' }, 6, 20, cancelText, 'clause') *
        10 -
      10;
    const stop = new AbortController();
    const wait = { timeoutMs, signal: stop.signal };
    const beganAtMs = this.#sim.now();
    const answer = this.#diary.store.query(question, wait);
    const expectation = this.#diary.expect(question, wait);
    const limitMs = Number.isFinite(timeoutMs) ? timeoutMs : Math.max(0, PATIENCE_MS - beganAtMs);
    const cancelledMs = cancelMs >= 0 ? cancelMs : Math.max(0, limitMs) + 10;
    const timer = this.#sim.world.clock.timer(
      { subject: this.#name, what: 'cancels its wait' },
      cancelledMs,
      () => stop.abort(),
    );
    const outcome = await outcomeOf(this.#sim, this.#name, answer);
    timer.cancel();
    const endedMs = this.#sim.now() - beganAtMs;
    const mayBe = new Set<Outcome['kind']>();
    if (endedMs === timeoutMs) mayBe.add('empty');
    if (endedMs === cancelledMs) mayBe.add('cancelled');
    // A write that comes later in this instant goes before a deadline or a cancel of it.
    if (mayBe.has(outcome.kind)) await this.#endOfInstant();
    const limit = `${timeoutMs === Infinity ? 'without timeout' : `with a timeout of ${timeoutMs} ms`}, from ${beganAtMs} ms on, and was to be cancelled at ${beganAtMs + cancelledMs} ms`;
    const due = endedMs === cancelledMs ? 'cancelled' : endedMs === timeoutMs ? 'empty' : undefined;
    this.#compare(outcome, expectation, { mayBe, limit, due });
  }

  #question(): Question {
    const { mask: states, names: stateNames } = pick(
      this.#sim,
      { subject: this.#name, what: 'looks for' },
      MASKS,
      14,
      statesText,
      'clause',
    );
    for (const name of stateNames) {
      const text = formatMask(states);
      const isNamed = text.endsWith('_MASK') || text.includes(name);
      this.#sim.check(
        isNamed,
        `a mask does not show its states\n\nExpected ${stateNames.join(' and ')}, got "${text}".`,
      );
    }
    const ids = this.#diary.runIds;
    switch (
      pickIndex(this.#sim, { subject: this.#name, what: 'asks about' }, 5, 12, (at) => SUBJECTS[at], 'clause')
    ) {
      case 0:
        return { runs: ids.slice(0, 1), states, stateNames };
      case 1:
        return { allRuns: true, states, stateNames };
      case 2:
        return { runs: ids.slice(-2), states, stateNames };
      case 3:
        return { runs: [...ids.slice(-1), 'nobody'], states, stateNames };
      default:
        return { runs: [], states, stateNames };
    }
  }

  #endOfInstant(): Promise<void> {
    const { clock } = this.#sim.world;
    return new Promise((resolve) => {
      clock.endOfInstant({ subject: this.#name, what: 'looks back' }, 0, resolve);
    });
  }

  #compare(outcome: Outcome, expectation: Expectation, { mayBe, limit, due }: Moment): void {
    const { outcome: expected, question, decidedAtMs, decidedBy } = expectation;
    const said = `${this.#name} was not answered as it should be`;
    const asked = `It waited for ${statesText({ names: question.stateNames })} of ${subjectOf(question)}, ${limit}.`;
    if (expected === undefined) {
      this.#sim.check(
        mayBe.has(outcome.kind),
        `${said}\n\n${asked}\nExpected: it ${due === undefined ? 'waits on, as nothing has happened yet that ends its wait' : SENTENCES[due]}.\nGot: it ${shown(outcome)}, at ${this.#sim.now()} ms.`,
      );
      return;
    }
    const isInTime = decidedAtMs === this.#sim.now();
    const isTie = isInTime && mayBe.has(outcome.kind) && outcome.kind !== expected.kind;
    const tieRule = isTie
      ? ', and a write counts before a timeout or a cancel of the same instant (R35)'
      : '';
    this.#sim.check(
      textOf(outcome) === textOf(expected) && isInTime,
      `${said}\n\n${asked}\nExpected: it ${shownBeside(expected, outcome)}, at ${decidedAtMs} ms, because ${decidedBy}${tieRule}.\nGot: it ${shownBeside(outcome, expected)}, at ${this.#sim.now()} ms.`,
    );
  }
}

function subjectOf({ allRuns = false, runs = [] }: Question): string {
  if (allRuns) return 'all runs';
  return runs.length === 0 ? 'no run at all' : `${runs.length === 1 ? 'run' : 'runs'} ${runs.join(' and ')}`;
}

function statesText({ names }: { readonly names: readonly RunState[] }): string {
  if (names.length === RUN_STATES.length) return 'any state';
  return names.length === ENDS ? 'any end' : names.join(' or ');
}

function cancelText(index: number): string {
  return index === 0 ? 'never' : `after ${index * 10 - 10} ms`;
}

async function outcomeOf(sim: Simulation, name: string, answer: Promise<QueryResult>): Promise<Outcome> {
  let result: QueryResult;
  try {
    result = await answer;
  } catch (error) {
    const kind = isRunnerError(error) ? KINDS.get(error.code) : undefined;
    if (kind === undefined || kind === 'found') {
      failUnexpected(
        sim,
        `the wait of ${name} broke`,
        'an answer, or an error that says why there is none',
        error,
      );
    }
    return { kind };
  }
  if (result.statuses.length > 0) {
    singleStatus(result);
    return { kind: 'found', found: result.statuses, service: result.service };
  }
  try {
    singleStatus(result);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_NO_STATUS')) return { kind: 'empty' };
    failUnexpected(
      sim,
      `singleStatus of the answer to ${name}, which has no status, broke`,
      'RUNNER_NO_STATUS',
      error,
    );
  }
  throw new Error('there is a single status in an empty result');
}

const SENTENCES: Readonly<Record<Exclude<Outcome['kind'], 'found'>, string>> = {
  empty: 'got nothing by its timeout',
  'unknown run': 'learnt that a run of its question is unknown',
  'cannot happen': 'learnt that this cannot happen any more',
  cancelled: 'was cancelled',
  invalid: 'was refused',
};

/** All that must agree, by name. */
function fieldsOf({ found, service }: Outcome & { readonly kind: 'found' }): ReadonlyMap<string, string> {
  const fields = found.flatMap(({ runId, state, jobId, taskId, stdoutRef, exitCode }) =>
    Object.entries({ state, exitCode, jobId, taskId, stdoutRef }).map(
      ([name, value]) => [`${name} of run ${runId}`, String(value)] as const,
    ),
  );
  const { isHealthy, error } = service;
  return new Map([
    ...fields,
    ['health of the service', isHealthy ? 'good' : 'bad'],
    ['error of the service', error],
  ]);
}

function shown(outcome: Outcome): string {
  if (outcome.kind !== 'found') return SENTENCES[outcome.kind];
  return `got ${outcome.found.map(({ runId, state }) => `run ${runId || '(no id)'} ${state}`).join(' and ')}`;
}

/** An outcome with the first that differs from the other. */
function shownBeside(outcome: Outcome, other: Outcome): string {
  if (outcome.kind !== 'found' || other.kind !== 'found') return shown(outcome);
  const others = fieldsOf(other);
  const differing = [...fieldsOf(outcome)].filter(([name, value]) => others.get(name) !== value);
  const [name, value = ''] = differing[0] ?? [];
  return name === undefined
    ? shown(outcome)
    : `${shown(outcome)}, ${name} ${value === '' ? '(none)' : JSON.stringify(value)}`;
}

/** All that must agree, as text. */
function textOf(outcome: Outcome): string {
  return outcome.kind === 'found' ? [...fieldsOf(outcome)].join('; ') : outcome.kind;
}
