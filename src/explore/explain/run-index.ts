/**
 * Look-ups over one observed run, shared by the parts of its explanation. Invariant: each is built at most once, when
 * it is first needed, because an execution that was not shrunk may have a hundred thousand events.
 */
import { messageEventText } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { eventText } from '../../trace/event-text.ts';
import { Arrivals } from './arrivals.ts';
import { CallArguments } from './call-arguments.ts';
import { EventNames } from './event-name.ts';
import { Exchanges } from './exchanges.ts';
import { HeldResources } from './held-resources.ts';
import { type ObservedDecision, type ObservedRun, unusualDecisions } from './observed-run.ts';
import { OutputNames } from './output-names.ts';
import { ShownFaults } from './shown-fault.ts';
import { StruckCalls } from './struck-calls.ts';
import { WaitEnds } from './wait-ends.ts';
import { callersIn } from './workload-decisions.ts';

/** An observed run with its look-ups. */
export class RunIndex {
  readonly run: ObservedRun;
  readonly #texts = new Map<TraceEvent, string>();
  #args: CallArguments | undefined;
  #arrivals: Arrivals | undefined;
  #callers: ReadonlySet<string> | undefined;
  #exchanges: Exchanges | undefined;
  #faults: ShownFaults | undefined;
  #held: HeldResources | undefined;
  #names: EventNames | undefined;
  #outputs: OutputNames | undefined;
  #order: ReadonlyMap<number, number> | undefined;
  #sharedRunIds: ReadonlySet<string> | undefined;
  #struckCalls: StruckCalls | undefined;
  #unusual: readonly ObservedDecision[] | undefined;
  #waitEnds: WaitEnds | undefined;

  constructor(run: ObservedRun) {
    this.run = run;
  }

  get args(): CallArguments {
    return (this.#args ??= new CallArguments(this.run));
  }

  get arrivals(): Arrivals {
    return (this.#arrivals ??= new Arrivals(this.run, this.args));
  }

  /** Nodes and clients that call others. */
  get callers(): ReadonlySet<string> {
    return (this.#callers ??= callersIn(this.run));
  }

  get exchanges(): Exchanges {
    return (this.#exchanges ??= new Exchanges(
      this.run.events,
      this.unusual,
      (event) => this.textOf(event),
      this,
    ));
  }

  get faults(): ShownFaults {
    return (this.#faults ??= new ShownFaults(this.run, this.names, this.args, this.outputs));
  }

  get held(): HeldResources {
    return (this.#held ??= new HeldResources(this.run.events));
  }

  get names(): EventNames {
    return (this.#names ??= new EventNames(this));
  }

  get outputs(): OutputNames {
    return (this.#outputs ??= new OutputNames(this.run.events));
  }

  /** The position of each clock event in the order of firing, from 0. */
  get order(): ReadonlyMap<number, number> {
    return (this.#order ??= new Map([...this.run.firings.keys()].map((id, at) => [id, at])));
  }

  /** Ids of runs that several runners have accepted. */
  get sharedRunIds(): ReadonlySet<string> {
    return (this.#sharedRunIds ??= sharedRunIdsIn(this.run));
  }

  get struckCalls(): StruckCalls {
    return (this.#struckCalls ??= new StruckCalls(this.run.events));
  }

  /** See {@link unusualDecisions}. */
  get unusual(): readonly ObservedDecision[] {
    return (this.#unusual ??= unusualDecisions(this.run));
  }

  /** The event in words; a reply with the arguments of its call. */
  textOf(event: TraceEvent): string {
    const text = this.#texts.get(event) ?? this.#newTextOf(event);
    this.#texts.set(event, text);
    return text;
  }

  #newTextOf(event: TraceEvent): string {
    if (event.type === 'message') return this.outputs.added(messageEventText(event, this.args.of(event)));
    if (event.type === 'freed') {
      this.#waitEnds ??= new WaitEnds(this.run);
      return `${eventText(event)}${this.#waitEnds.textOf(event)}`;
    }
    return event.type === 'fault' ? this.outputs.added(eventText(event)) : eventText(event);
  }
}

function sharedRunIdsIn({ events }: ObservedRun): ReadonlySet<string> {
  const runners = new Map<string, string>();
  const shared = new Set<string>();
  for (const { event } of events) {
    if (event.type !== 'accepted') continue;
    const { runner, runId } = event;
    if ((runners.get(runId) ?? runner) !== runner) shared.add(runId);
    runners.set(runId, runner);
  }
  return shared;
}
