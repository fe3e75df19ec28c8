/**
 * An execution as a timeline in the Chrome Trace Event format, which Perfetto, speedscope and `chrome://tracing` open: a lane per runner
 * with its runs as slices by state, a lane per node with its states and per client with its calls, a lane for the events of a runner's clock, marks for decisions, faults, notes and the failure, and arrows
 * from an event to those that it set. Invariants: times are virtual; slices of one lane nest; what happens within one instant keeps its
 * order, nanoseconds apart.
 */
import { checkMethods } from '../../kernel/argument-check.ts';
import type { Decision } from '../../kernel/decisions.ts';
import { microsecondsOf } from '../../kernel/microseconds.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { formatEvent } from '../../trace/event-text.ts';
import { counted } from '../../model/plural.ts';
import type { Failure, Verdict } from '../../simulation/verdict.ts';
import type { Executor } from '../executor.ts';
import { headlineOf } from '../failure-key.ts';
import { keyDecisions } from '../keyed-log.ts';
import { decisionText, eventText } from '../explain/question-text.ts';
import { checkLog } from '../log-check.ts';
import { observeServices, type ServiceMoment } from './observed-services.ts';
import { observe, type ObservedDecision, type ObservedRun } from '../explain/observed-run.ts';
import { shortPlaceOf } from '../explain/source-place.ts';
import { CallSlices } from './timeline-calls.ts';
import { NodeSlices, TimelineLanes, type TimelineEvent } from './timeline-lanes.ts';
import { RunSlices } from './timeline-runs.ts';

/** A timeline as JSON: what `--timeline FILE` writes. */
export interface Timeline {
  readonly traceEvents: readonly TimelineEvent[];
  readonly displayTimeUnit: 'ms';
  /** Name of the scenario, the failure if there is one, and in a file which part is shown if not all is. */
  readonly otherData: Readonly<Record<string, string>>;
}

/** The lane of what belongs to no runner. */
const SCENARIO = 'scenario';
/** What would bury the marks that matter. */
const SILENT: ReadonlySet<TraceEvent['type']> = new Set(['metric', 'wrote', 'phase', 'acquired', 'freed']);
/** Between two things that happen in one instant; half of it is between the end of a slice and the beginning of the next. */
const STEP_US = 0.002;
const STEPS_MAX = 499;
const EVENT_US = STEP_US / 2;

/** Gives each thing that happens a time of its own, in the order of the calls. */
class Stamps {
  #atUs = 0;
  #steps = 0;

  next(atMs: number): number {
    const atUs = microsecondsOf(atMs);
    this.#steps = atUs === this.#atUs ? Math.min(this.#steps + 1, STEPS_MAX) : 0;
    this.#atUs = atUs;
    return atUs + this.#steps * STEP_US;
  }
}

/** An end of an arrow. */
interface Point {
  readonly lane: string;
  readonly ts: number;
}

/** Walks through an execution in the order in which it happened. */
class TimelineWriter {
  readonly #run: ObservedRun;
  readonly #lanes = new TimelineLanes(SCENARIO);
  readonly #runs: RunSlices;
  readonly #calls: CallSlices;
  readonly #nodes: NodeSlices;
  readonly #moments: ServiceMoment[];
  readonly #stamps = new Stamps();
  /** Where and when each event of the clock fired. */
  readonly #fired = new Map<number, Point>();
  readonly #decisions: ObservedDecision[];

  constructor(run: ObservedRun, moments: readonly ServiceMoment[]) {
    this.#run = run;
    this.#moments = [...moments];
    this.#runs = new RunSlices(this.#lanes);
    this.#calls = new CallSlices(this.#lanes);
    this.#nodes = new NodeSlices(this.#lanes);
    this.#decisions = run.decisions.filter(({ answer }) => answer > 0);
  }

  /** @param whole the execution of which this run is the beginning. */
  write(whole: Verdict = this.#run.verdict): Timeline {
    const { verdict, events, firings } = this.#run;
    let index = 0;
    let fired = 0;
    const tellOf = (firingId: number, atMs: number): void => {
      for (; events[index]?.firingId === firingId; index += 1) {
        this.#serve(fired, index, atMs);
        this.#decide(index);
        this.#happen((events[index] as (typeof events)[number]).event);
      }
      this.#serve(fired, index, atMs);
    };
    tellOf(0, 0);
    for (const [id, { atMs }] of firings) {
      fired += 1;
      this.#fire(id, events[index]?.firingId === id ? events[index]?.event : undefined);
      tellOf(id, atMs);
    }
    this.#decide(Infinity);
    const endTs = this.#stamps.next(verdict.virtualMs);
    this.#runs.end(endTs);
    this.#calls.endAll(endTs);
    this.#nodes.endAll(endTs);
    const { failure, scenario } = whole;
    this.#skip(whole, endTs);
    if (failure !== undefined) this.#fail(failure, this.#stamps.next(whole.virtualMs));
    return {
      traceEvents: this.#lanes.toEvents(scenario),
      displayTimeUnit: 'ms',
      otherData: { scenario, ...(failure === undefined ? {} : { failure: failure.message }) },
    };
  }

  /** An event of the clock fires: a slice without length, and the arrow from the event that set it. */
  #fire(id: number, first: TraceEvent | undefined): void {
    const firing = this.#run.firings.get(id);
    if (firing === undefined) return;
    this.#calls.goOn();
    const lane = laneOfEvents(first?.runner);
    const ts = this.#stamps.next(firing.atMs);
    const name = eventText(firing.topic);
    const place = firing.place === undefined ? undefined : shortPlaceOf(firing.place);
    const args = place === undefined ? {} : { args: { set: place } };
    this.#lanes.add(lane, { name, cat: 'event', ph: 'X', ts, dur: EVENT_US, ...args });
    this.#fired.set(id, { lane, ts });
    const maker = this.#fired.get(firing.cause);
    if (maker === undefined) return;
    this.#arrow('sets', String(id), maker, { lane, ts });
  }

  #arrow(name: string, id: string, from: Point, to: Point): void {
    this.#lanes.add(from.lane, { name, cat: 'cause', id, ph: 's', ts: from.ts });
    this.#lanes.add(to.lane, { name, cat: 'cause', id, ph: 'f', bp: 'e', ts: to.ts });
  }

  /** What was called, and what became of nodes, until then. */
  #serve(fired: number, traceIndex: number, atMs: number): void {
    for (;;) {
      const [moment] = this.#moments;
      if (moment === undefined || moment.fired > fired || moment.traceIndex > traceIndex) return;
      this.#moments.shift();
      const ts = this.#stamps.next(atMs);
      const { what } = moment;
      if (what.type === 'node') this.#nodes.become(what.node, what.state, ts);
      else if (what.type === 'call') this.#calls.begin(what.call, ts);
      else this.#calls.end(what.call, ts);
    }
  }

  /** The decisions other than the plain ones that came before this place in the trace. */
  #decide(traceIndex: number): void {
    for (;;) {
      const [decision] = this.#decisions;
      if (decision === undefined || decision.traceIndex > traceIndex) return;
      this.#decisions.shift();
      const { question, answer, n, firingId, due } = decision;
      const fired = this.#fired.get(firingId);
      const atMs = this.#run.firings.get(due[answer]?.id ?? firingId)?.atMs ?? 0;
      const args = { question: question.text, answer, of: n };
      const ts = this.#stamps.next(atMs);
      this.#mark(fired?.lane ?? SCENARIO, { name: decisionText(decision), cat: 'decision', ts, args });
    }
  }

  #happen(event: TraceEvent): void {
    const ts = this.#stamps.next(event.at);
    const { runner, type } = event;
    const isShown = this.#runs.take(event, ts);
    if (event.type === 'accepted') this.#accept(event, ts);
    if (isShown) return;
    if (SILENT.has(type)) return;
    const name = type === 'note' ? event.text : formatEvent(event).replace(/^[^:]*: /, '');
    const node = type === 'fault' ? this.#nodes.laneOf(runner) : undefined;
    this.#mark(node ?? (runner === '' ? SCENARIO : runner), { name, cat: type, ts, args: { ...event } });
  }

  /** The arrow from the call to the run that it has started. */
  #accept({ runner, runId, command }: Extract<TraceEvent, { type: 'accepted' }>, ts: number): void {
    const call = this.#calls.starting(command);
    const lane = this.#runs.laneOf(runner, runId);
    if (call === undefined || lane === undefined) return;
    const from = { lane: call.slot.lane, ts: call.fromTs };
    this.#arrow('starts', JSON.stringify([runner, runId]), from, { lane, ts });
  }

  #mark(lane: string, mark: Pick<TimelineEvent, 'name' | 'cat' | 'ts' | 'args'>): void {
    this.#lanes.add(lane, { ...mark, ph: 'i', s: 't' });
  }

  #skip({ firedEvents, failure }: Verdict, ts: number): void {
    const left = firedEvents - this.#run.verdict.firedEvents;
    if (left <= 0) return;
    const name = `not drawn: ${counted(left, 'event')} until the ${failure === undefined ? 'end' : 'failure'}`;
    this.#lanes.add(SCENARIO, { name, cat: 'gap', ph: 'i', s: 'g', ts });
  }

  #fail({ kind, message, details }: Failure, ts: number): void {
    const name = `FAILS: ${headlineOf(message).headline}`;
    this.#lanes.add(SCENARIO, {
      name,
      cat: 'failure',
      ph: 'i',
      s: 'g',
      ts,
      args: { kind, message, details },
    });
  }
}

function laneOfEvents(runner: string | undefined): string {
  return runner === undefined || runner === '' || runner === SCENARIO ? SCENARIO : `${runner}: events`;
}

/**
 * Runs a log again and gives its timeline, to be written as JSON and opened in Perfetto or speedscope.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) unless `executor` executes and `log` is a log.
 * @example
 * ```ts
 * import { createSimulatedRunner, defineScenario, finalStatus } from 'dryrunner';
 * import { createExecutor, recordTimeline } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'one-run',
 *   description: 'a run of 80 ms',
 *   async run(sim) {
 *     const runner = createSimulatedRunner(sim.world, { name: 'worker' });
 *     const { runId } = await runner.run({ argv: ['sleep 80', 'complete 0'] });
 *     await finalStatus(runner, runId);
 *     await runner.release();
 *   },
 * });
 * const { traceEvents } = await recordTimeline(createExecutor(scenario), []);
 * const running = traceEvents.find(({ name, ph }) => name === 'RUNNING' && ph === 'X');
 * if (Math.round(running?.dur ?? 0) !== 80_000) throw new Error('expected a slice of 80 ms, in microseconds');
 * ```
 */
export async function recordTimeline(executor: Executor, log: readonly Decision[]): Promise<Timeline> {
  checkMethods('executor', executor, ['execute']);
  checkLog('log', log);
  return timelineOf(executor, log);
}

/**
 * The timeline of the beginning of an execution, with a mark for its failure where that is.
 *
 * @param executor stops after so many events.
 */
export function recordBeginning(executor: Executor, whole: Verdict): Promise<Timeline> {
  return timelineOf(executor, whole.decisions(), whole);
}

async function timelineOf(executor: Executor, log: readonly Decision[], whole?: Verdict): Promise<Timeline> {
  const keyed = keyDecisions(log);
  const run = await observe(executor, keyed, true);
  return new TimelineWriter(run, await observeServices(executor, keyed, run)).write(whole);
}
