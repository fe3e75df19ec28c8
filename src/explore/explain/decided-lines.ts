/**
 * Turns the non-default decisions of an execution into lines of its history. Invariant: each decision is shown at most
 * once: by the event of its fault, by the last of a group that passes over the same event, or by a line of its own.
 */
import type { TraceEvent } from '../../model/trace-event.ts';
import type { EventNames } from './event-name.ts';
import { isOfCaller, isOfSetup, isOfWork } from './workload-decisions.ts';
import { type HistoryCandidate, RANK, type Rank } from './history-candidate.ts';
import { decidedAtMs, type DrawnValue, type ObservedDecision, type ObservedRun } from './observed-run.ts';
import { PassedOver } from './passed-over.ts';
import type { RunIndex } from './run-index.ts';
import type { ShownFault, ShownFaults } from './shown-fault.ts';

/** With more decisions than this, only faults rank above their consequences, which would find no room. */
const CROWD = 10;

/** The decisions of one execution, taken in chronological order. */
export class DecidedLines {
  readonly #run: ObservedRun;
  readonly #names: EventNames;
  readonly #faults: ShownFaults;
  readonly #passed: PassedOver;
  readonly #callers: ReadonlySet<string>;
  /** The faults of decisions, by the events that show them. */
  readonly #faultsShown = new Map<TraceEvent, ShownFault>();
  readonly #partsOfOthers: ReadonlySet<TraceEvent>;
  /** The decisions that have a line of their own. */
  readonly #decisions: readonly ObservedDecision[];
  readonly #decisive: ReadonlySet<ObservedDecision | DrawnValue>;
  #taken = 0;

  /** `decisive` are the decisions that must be shown. */
  constructor(
    { run, names, faults, callers, unusual: decisions }: RunIndex,
    decisive: readonly ObservedDecision[],
  ) {
    this.#run = run;
    this.#names = names;
    this.#faults = faults;
    this.#callers = callers;
    this.#passed = new PassedOver(decisions);
    const shown = decisions.flatMap((decision) => this.#faults.of(decision) ?? []);
    for (const fault of shown) this.#faultsShown.set(fault.event, fault);
    this.#decisive = new Set(decisive.map((decision) => decision.drawn ?? decision));
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

  /** The decided fault that the event shows; undefined for all other events. */
  faultOf(event: TraceEvent): ShownFault | undefined {
    return this.#faultsShown.get(event);
  }

  /** The rank of a decided fault; undefined if it is that of its event. */
  rankOfFault(fault: ShownFault | undefined): Rank | undefined {
    if (fault === undefined) return undefined;
    const { decision } = fault;
    const isDecisive = [decision, ...this.#faults.detailsBehind(decision)].some((one) =>
      this.#isDecisive(one),
    );
    return isDecisive ? RANK.decisive : undefined;
  }

  #isDecisive(decision: ObservedDecision): boolean {
    return this.#decisive.has(decision.drawn ?? decision);
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
    const topic = due[answer]?.topic ?? decision.question.topic;
    return { role: 'decision', atMs, runner: '', textOf, firingId, topic, isFiring: due.length > 0, rank };
  }

  #rankOf(decision: ObservedDecision): Rank {
    if (isOfCaller(decision, this.#callers)) return RANK.never;
    if (this.#passed.groupOf(decision).some((one) => this.#isDecisive(one))) return RANK.decisive;
    if (isOfWork(decision, this.#callers)) return isOfSetup(decision) ? RANK.context : RANK.minor;
    if (this.#faults.isSpared(decision)) return RANK.around;
    const isOfCrowd = this.#decisions.length > CROWD && decision.question.kind !== 'fault';
    return isOfCrowd ? RANK.namedPart : RANK.decided;
  }
}
