/**
 * What an exploring thread shows of itself even while it cannot answer: counters, a sign of life, and the decisions of
 * the current execution, so that one that never ends can be reported with its log. Invariants: one thread writes,
 * except for the request to stop; a reader sees a prefix of the decisions, never a torn entry.
 */
import type { AuditReport } from '../explore/campaign-report.ts';
import { hasFailed } from '../explore/failure-key.ts';
import type { Decision } from '../kernel/decisions.ts';
import { questionFrom, type Question, type QuestionData } from '../kernel/question.ts';
import type { Verdict } from '../simulation/verdict.ts';

const STOP = 0;
/** Start no further execution. */
const FINISH = 1;
/** Also cut off the current execution. */
const CUT_OFF = 2;
const TURNS = 1;
const EXECUTIONS = 2;
const FAILED = 3;
const FEATURES = 4;
const DECISIONS = 5;
/** Number of executions begun: shows a reader whether a log belongs to a single execution. */
const BEGUN = 6;
/** Executions of the corpus. */
const CORPUS_EXECUTIONS = 7;
const REPEATED = 8;
const RERUN_LATER = 9;
/** 1 while the execution of the figure `RERUN_OF` is run again. */
const IS_RERUN = 10;
/** 1 from the beginning of an execution to its end. */
const IS_EXECUTING = 11;
/** Even, because the figures after them start at a multiple of 8 bytes. */
const CONTROL_CELLS = 12;

const INDEX = 0;
const FIRED_EVENTS = 1;
const ALL_DECISIONS = 2;
const RERUN_OF = 3;
const FIGURE_CELLS = 4;

/** Cells of a decision: question, n, answer. */
const ENTRY_CELLS = 3;
const DECISIONS_KEPT = 1 << 16;
/** Room for as many questions as decisions, at about 70 bytes each; unused room costs nothing. */
const QUESTIONS_BYTES_MAX = 1 << 22;

const FIGURES_AT = CONTROL_CELLS * 4;
const ENTRIES_AT = FIGURES_AT + FIGURE_CELLS * 8;
const QUESTIONS_AT = ENTRIES_AT + DECISIONS_KEPT * ENTRY_CELLS * 8;
const BYTES = QUESTIONS_AT + QUESTIONS_BYTES_MAX;

/** Counters of a thread. */
export interface ExploreCounters {
  /** Turns of its event loop and executions begun. If it stands still, the thread hangs. */
  readonly turns: number;
  readonly executions: number;
  /** Those of them that ran logs of the corpus. */
  readonly corpusExecutions: number;
  /** Executions begun, including those that are not counted. */
  readonly begun: number;
  /** Decisions of the current execution, as far as they are recorded. */
  readonly decided: number;
  readonly failed: number;
  /** Features of coverage reached. */
  readonly features: number;
  readonly decisions: number;
  readonly firedEvents: number;
  /** Index of the current execution; for one of the corpus, minus the number of those that are left, itself included. */
  readonly index: number;
  /**
   * The index, likewise, of the earlier execution that is being run again, before the one at `index` has begun or is
   * judged.
   */
  readonly rerunOf: number | undefined;
  /** As in the report of the audit. */
  readonly repeated: number;
  readonly rerunLater: number;
}

/** The shared memory of one thread, for both its writer and its readers. */
export class ExploreSharedState {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #figures: Float64Array;
  readonly #entries: Float64Array;
  readonly #questions: Uint8Array;
  readonly #offsets = new Map<string, number>();
  readonly #encoder = new TextEncoder();
  #questionBytes = 0;
  #count = 0;
  /** True once a question did not fit: no later decision is kept either, so that the log has no gap. */
  #isFull = false;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.memory = memory;
    this.#control = new Int32Array(memory, 0, CONTROL_CELLS);
    this.#figures = new Float64Array(memory, FIGURES_AT, FIGURE_CELLS);
    this.#entries = new Float64Array(memory, ENTRIES_AT, DECISIONS_KEPT * ENTRY_CELLS);
    this.#questions = new Uint8Array(memory, QUESTIONS_AT, QUESTIONS_BYTES_MAX);
  }

  /** True once no further execution may start. */
  get mustStop(): boolean {
    return Atomics.load(this.#control, STOP) >= FINISH;
  }

  /** True once the current execution has to be cut off. */
  get mustCutOff(): boolean {
    return Atomics.load(this.#control, STOP) >= CUT_OFF;
  }

  /** Lets the thread finish its current execution, and start no other. */
  askToFinish(): void {
    Atomics.compareExchange(this.#control, STOP, 0, FINISH);
  }

  /** Makes the thread cut off its current execution. */
  askToStop(): void {
    Atomics.store(this.#control, STOP, CUT_OFF);
  }

  noteTurn(): void {
    Atomics.add(this.#control, TURNS, 1);
  }

  /** True while an execution runs; otherwise the thread does the work of this package. */
  get isExecuting(): boolean {
    return Atomics.load(this.#control, IS_EXECUTING) === 1;
  }

  /** Starts an execution, whose decisions replace those of the last one. */
  beginExecution(): void {
    this.#count = 0;
    this.#isFull = false;
    Atomics.add(this.#control, BEGUN, 1);
    Atomics.store(this.#control, DECISIONS, 0);
    Atomics.store(this.#control, IS_EXECUTING, 1);
    this.noteTurn();
    // Most questions recur, so they are kept between executions as long as there is room.
    if (this.#questionBytes < QUESTIONS_BYTES_MAX / 2) return;
    this.#offsets.clear();
    this.#questionBytes = 0;
  }

  endExecution(): void {
    Atomics.store(this.#control, IS_EXECUTING, 0);
  }

  noteDecision(question: Question, n: number, answer: number): void {
    const at = this.#count * ENTRY_CELLS;
    if (at >= this.#entries.length || this.#isFull) return;
    const offset = this.#offsets.get(question.key) ?? this.#keepQuestion(question);
    if (offset < 0) {
      this.#isFull = true;
      return;
    }
    this.#entries[at] = offset;
    this.#entries[at + 1] = n;
    this.#entries[at + 2] = answer;
    this.#count += 1;
    Atomics.store(this.#control, DECISIONS, this.#count);
  }

  /** Counts an execution; its index is below 0 if it is one of the corpus. */
  noteExecution(verdict: Verdict, index: number): void {
    const { decisionCount, firedEvents } = verdict;
    Atomics.add(this.#control, EXECUTIONS, 1);
    if (index < 0) Atomics.add(this.#control, CORPUS_EXECUTIONS, 1);
    if (hasFailed(verdict)) Atomics.add(this.#control, FAILED, 1);
    this.#figures[ALL_DECISIONS] = (this.#figures[ALL_DECISIONS] ?? 0) + decisionCount;
    this.#figures[FIRED_EVENTS] = (this.#figures[FIRED_EVENTS] ?? 0) + firedEvents;
  }

  noteFeatures(count: number): void {
    Atomics.store(this.#control, FEATURES, count);
  }

  noteIndex(index: number): void {
    this.#figures[INDEX] = index;
  }

  /** Shows that an earlier execution is run again; with undefined, that none is any more. */
  noteRerun(of: number | undefined): void {
    this.#figures[RERUN_OF] = of ?? 0;
    Atomics.store(this.#control, IS_RERUN, of === undefined ? 0 : 1);
  }

  noteAudit({ repeated, rerunLater }: AuditReport): void {
    Atomics.store(this.#control, REPEATED, repeated);
    Atomics.store(this.#control, RERUN_LATER, rerunLater);
  }

  counters(): ExploreCounters {
    const count = (cell: number): number => Atomics.load(this.#control, cell) >>> 0;
    const figure = (cell: number): number => this.#figures[cell] ?? 0;
    return {
      turns: count(TURNS),
      executions: count(EXECUTIONS),
      corpusExecutions: count(CORPUS_EXECUTIONS),
      begun: count(BEGUN),
      decided: count(DECISIONS),
      failed: count(FAILED),
      features: count(FEATURES),
      decisions: figure(ALL_DECISIONS),
      firedEvents: figure(FIRED_EVENTS),
      index: figure(INDEX),
      rerunOf: count(IS_RERUN) === 1 ? figure(RERUN_OF) : undefined,
      repeated: count(REPEATED),
      rerunLater: count(RERUN_LATER),
    };
  }

  /**
   * The decisions kept of the current execution. Meant for a thread that is silent; with any other, reading restarts
   * with each execution.
   */
  decisions(): Decision[] {
    for (;;) {
      const begun = Atomics.load(this.#control, BEGUN);
      const isSame = (): boolean => Atomics.load(this.#control, BEGUN) === begun;
      try {
        const decisions = this.#readDecisions();
        if (isSame()) return decisions;
      } catch (error) {
        // The bytes may have been overwritten while they were read.
        if (isSame()) throw error;
      }
    }
  }

  #readDecisions(): Decision[] {
    const decoder = new TextDecoder();
    const count = Atomics.load(this.#control, DECISIONS);
    return Array.from({ length: count }, (_, index) => {
      const [offset = 0, n = 0, answer = 0] = this.#entries.subarray(index * ENTRY_CELLS);
      const length = ((this.#questions[offset] ?? 0) << 8) | (this.#questions[offset + 1] ?? 0);
      const text = decoder.decode(this.#questions.slice(offset + 2, offset + 2 + length));
      return { question: questionFrom(JSON.parse(text) as QuestionData), n, answer };
    });
  }

  /** Stores a question as JSON after its length in two bytes and returns its offset; -1 if it does not fit. */
  #keepQuestion(question: Question): number {
    const bytes = this.#encoder.encode(JSON.stringify(question));
    const offset = this.#questionBytes;
    const end = offset + 2 + bytes.length;
    if (bytes.length > 0xffff || end > QUESTIONS_BYTES_MAX) return -1;
    this.#questions[offset] = bytes.length >> 8;
    this.#questions[offset + 1] = bytes.length & 0xff;
    this.#questions.set(bytes, offset + 2);
    this.#questionBytes = end;
    this.#offsets.set(question.key, offset);
    return offset;
  }
}
