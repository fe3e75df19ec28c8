// Names the class of a schedule by its own means, to check the search against: what happened before what is worked out from labels, trace
// and calls of the clock, and written as a Foata normal form.
import { vi } from 'vitest';
import type { EventInfo } from '../../../src/kernel/event-queue.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { createExecutor, type Executor } from '../../../src/explore/executor.ts';
import type { ScenarioDefinition } from '../../../src/simulation/scenario.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';

const { endOfInstant } = VirtualClock.prototype;

interface SeenEvent {
  readonly path: string;
  /** What was firing when it was put into the queue. */
  readonly maker: SeenEvent | undefined;
  readonly made: number;
  readonly info: EventInfo;
  /** Names of what was touched; undefined for everything. */
  touched: Set<string> | undefined;
  readonly answers: number[];
}

/** One schedule that was run to its end. */
export interface SeenSchedule {
  readonly name: string;
  readonly verdict: Verdict;
}

/** Says whose an event is by its label; undefined if it may be anybody's. */
export type OwnerOf = (label: string) => string | undefined;

/** An executor that reports every schedule that was not abandoned. */
export function seeingExecutor(
  scenario: ScenarioDefinition<undefined>,
  ownerOf: OwnerOf,
  onSchedule: (schedule: SeenSchedule) => void,
): Executor {
  const executor = createExecutor(scenario);
  return {
    scenario: executor.scenario,
    async execute({ source, onFire, watchers = [], ...request }) {
      const seen = new Sight(ownerOf);
      const spy = vi.spyOn(VirtualClock.prototype, 'endOfInstant');
      spy.mockImplementation(function (this: VirtualClock, ...args) {
        seen.touch('late');
        return endOfInstant.apply(this, args);
      });
      const verdict = await executor.execute({
        ...request,
        source: {
          decide(question, n, occurrence) {
            const answer = source.decide(question, n, occurrence);
            if (question.kind !== 'order') seen.answer(answer);
            return answer;
          },
          ...(source.order === undefined
            ? {}
            : { order: (question, due, occurrence) => source.order!(question, due, occurrence) }),
        },
        onFire(info, made, now) {
          onFire?.(info, made, now);
          seen.fire(info, made);
        },
        watchers: [...watchers, () => ({ watch: (event) => seen.watch(event), end: () => {} })],
      });
      spy.mockRestore();
      if (verdict.failure?.kind !== 'abandoned') onSchedule({ name: seen.name(), verdict });
      return verdict;
    },
  };
}

class Sight {
  readonly #ownerOf: OwnerOf;
  readonly #events: SeenEvent[] = [];
  readonly #released = new Set<string>();
  readonly #first: number[] = [];

  constructor(ownerOf: OwnerOf) {
    this.#ownerOf = ownerOf;
  }

  fire(info: EventInfo, made: number): void {
    const maker = this.#events.findLast((event) => event.made < info.id);
    const owner = this.#ownerOf(info.topic.text);
    const event: SeenEvent = {
      path: maker === undefined ? `${info.id}` : `${maker.path}.${info.id - maker.made}`,
      maker,
      made,
      info,
      touched: owner === undefined || this.#released.has(owner) ? undefined : new Set([owner]),
      answers: [],
    };
    this.#events.push(event);
  }

  answer(answer: number): void {
    (this.#events.at(-1)?.answers ?? this.#first).push(answer);
  }

  touch(what: string): void {
    this.#events.at(-1)?.touched?.add(what);
  }

  watch(event: TraceEvent): void {
    if (event.type === 'released') this.#released.add(event.runner);
    const now = this.#events.at(-1);
    if (now !== undefined && event.type === 'freed' && event.resource === 'waiter') now.touched = undefined;
  }

  name(): string {
    const last = this.#events.at(-1);
    if (last !== undefined) last.touched = undefined;
    const layers: string[] = [`${this.#first.join()}`];
    for (const stretch of this.#stretches()) layers.push(layersOf(stretch));
    return layers.join('|');
  }

  #stretches(): SeenEvent[][] {
    const stretches: SeenEvent[][] = [];
    let before: SeenEvent | undefined;
    for (const event of this.#events) {
      if (before === undefined || event.info.late || event.info.atMs !== before.info.atMs) stretches.push([]);
      stretches.at(-1)!.push(event);
      before = event;
    }
    return stretches;
  }
}

function layersOf(stretch: readonly SeenEvent[]): string {
  const heights = new Map<SeenEvent, number>();
  stretch.forEach((event, index) => {
    const before = stretch.slice(0, index).filter((other) => event.maker === other || meet(event, other));
    heights.set(event, Math.max(0, ...before.map((other) => heights.get(other)! + 1)));
  });
  return [...heights]
    .map(([{ path, answers }, height]) => `${height}:${path}(${answers.join()})`)
    .sort()
    .join(' ');
}

function meet({ touched: one }: SeenEvent, { touched: other }: SeenEvent): boolean {
  if (one === undefined || other === undefined) return true;
  return [...one].some((name) => other.has(name));
}
