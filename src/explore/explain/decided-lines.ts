/**
 * Turns the non-default decisions of an execution into lines of its history. Invariant: each decision is shown at most
 * once: by the event of its fault, by the last of a group that passes over the same event, or by a line of its own.
 */
import type { TraceEvent } from '../../model/trace-event.ts';
import type { EventNames } from './event-name.ts';
import { isOfCaller, isOfSetup, isOfWork } from './workload-decisions.ts';
import { type HistoryCandidate, RANK, type Rank } from './history-candidate.ts';
import { decidedAtMs, type ObservedDecision, type ObservedRun } from './observed-run.ts';
import { PassedOver } from './passed-over.ts';
import type { RunIndex } from './run-index.ts';
import type { ShownFaults } from './shown-fault.ts';

/** With more decisions than this, only faults rank above their consequences, which would find no room. */
const CROWD = 10;

/** The decisions of one execution, taken in chronological order. */
export class DecidedLines {
  readonly #run: ObservedRun;
  readonly #names: EventNames;
  readonly #faults: ShownFaults;
  readonly #passed: PassedOver;
  readonly #callers: ReadonlySet<string>;
  /** Texts by the fault event that shows the decision. */
  readonly #faultTexts = new Map<TraceEvent, string>();
  readonly #partsOfOthers: ReadonlySet<TraceEvent>;
  /** The decisions that have a line of their own. */
  readonly #decisions: readonly ObservedDecision[];
  #taken = 0;

  constructor({ run, names, faults, callers, unusual: decisions }: RunIndex) {
    this.#run = run;
    this.#names = names;
    this.#faults = faults;
    this.#callers = callers;
    this.#passed = new PassedOver(decisions);
    const shown = decisions.flatMap((decision) => this.#faults.of(decision) ?? []);
    for (const { event, text } of shown) this.#faultTexts.set(event, text);
    this.#partsOfOthers = new Set(shown.flatMap(({ others }) => others));
    const said = new Set(
      shown.flatMap(({ decision }) => [decision, ...this.#faults.detailsBehind(decision)]),
    );
    this.#decisions = decisions.filter((decision) => !said.has(decision) && this.#passed.isShown(decision));
  }

  /** Clock events picked by groups of decisions: the line of the group says that they fire. */
  get groupedEventIds(): readonly number[] {
    return this.#passed.eventIds;
  }

  /** The text of a decided fault; undefined for all other events. */
  faultText(event: TraceEvent): string | undefined {
    return this.#faultTexts.get(event);
  }

  /** True for a fault event that another event of the same fault already shows. */
  isPartOfAnother(event: TraceEvent): boolean {
    return this.#partsOfOthers.has(event);
  }

  /** Takes the remaining lines of decisions made before that event of the trace. */
  takeUntil(traceIndex: number): HistoryCandidate[] {
    const taken: HistoryCandidate[] = [];
    for (let next = this.#next; next !== undefined && next.traceIndex <= traceIndex; next = this.#next) {
      taken.push(this.#lineOf(next));
      this.#taken += 1;
    }
    return taken;
  }

  get #next(): ObservedDecision | undefined {
    return this.#decisions[this.#taken];
  }

  #lineOf(decision: ObservedDecision): HistoryCandidate {
    const { due, answer } = decision;
    // An order belongs to the picked event.
    const firingId = due[answer]?.id ?? decision.firingId;
    const atMs = decidedAtMs(this.#run, decision);
    const textOf = (): string => this.#passed.textOf(decision, this.#names) ?? this.#faults.textOf(decision);
    const rank = this.#rankOf(decision);
    return { role: 'decision', atMs, runner: '', textOf, firingId, isFiring: due.length > 0, rank };
  }

  #rankOf(decision: ObservedDecision): Rank {
    if (isOfCaller(decision, this.#callers)) return RANK.never;
    if (isOfWork(decision, this.#callers)) return isOfSetup(decision) ? RANK.context : RANK.minor;
    if (this.#faults.isSpared(decision)) return RANK.around;
    const isOfCrowd = this.#decisions.length > CROWD && decision.question.kind !== 'fault';
    return isOfCrowd ? RANK.namedPart : RANK.decided;
  }
}
