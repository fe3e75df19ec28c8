// Made-up programs of events: some of parts that share nothing, some of nobody, which see everything.
import fc from 'fast-check';
import type { Timer } from '../../../src/kernel/clock.ts';
import { NO_TAGS } from '../../../src/model/command.ts';
import { makeRunStatus } from '../../../src/model/run-status.ts';
import type { Ambience } from '../../../src/simulation/ambience.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import type { SeenScenario } from './exhaustive-comparison.ts';

/** What an event of a made-up program does. */
export interface ProgramEvent {
  /** -1: anybody's. */
  readonly part: number;
  readonly when: 'now' | 'soon' | 'at the end';
  /** It makes its children only with answer 0. */
  readonly answers: number;
  /** Breaks a rule, if it is an event of a part. */
  readonly breaks: boolean;
  /** The pending event of its part that it cancels, if there is one. */
  readonly cancels: number | undefined;
  readonly children: readonly ProgramEvent[];
}

const PARTS = 3;
const OUTCOME = { snapshotId: '', exitCode: 0, error: '' };

/** Events of a part make events of that part; those of nobody make any. */
export function programEvents(part: number, depth: number): fc.Arbitrary<readonly ProgramEvent[]> {
  const parts = part < 0 ? fc.integer({ min: -1, max: PARTS - 1 }) : fc.constant(part);
  const event = parts.chain((own) =>
    fc.record({
      part: fc.constant(own),
      when: fc.constantFrom('now' as const, 'now' as const, 'soon' as const, 'at the end' as const),
      answers: fc.constantFrom(1, 1, 1, 2),
      breaks: fc.integer({ min: 0, max: 15 }).map((n) => n === 15),
      cancels: fc.option(fc.nat(2), { nil: undefined, freq: 2 }),
      children: depth === 0 ? fc.constant([]) : programEvents(own, depth - 1),
    }),
  );
  return fc.array(event, { maxLength: depth === 2 ? 5 : 2 });
}

/**
 * Runs a program: parts have a state that depends on the order of their own events alone, events of nobody see all states. With `ambient`
 * events of nobody that are due soon are timers of Node, of which others may be cleared.
 */
export function programScenario(
  program: readonly ProgramEvent[],
  failsAt: number,
  ambient?: Ambience,
): SeenScenario {
  let seen: string[] = [];
  const definition = defineScenario({
    name: 'program',
    description: 'a made-up program',
    options: { leftovers: 'ignore', ...(ambient === undefined ? {} : { ambient }) },
    run: (sim) =>
      new Promise<void>((resolve) => {
        seen = [];
        let left = 0;
        const states = Array.from({ length: PARTS }, () => 1);
        const pending = Array.from({ length: PARTS }, () => new Map<ProgramEvent, Timer>());
        const timers = new Map<ProgramEvent, Timer>();
        const { world } = sim;
        const parts = states.map((_, part) => world.isolate?.(world, `p${part}`)?.clock ?? world.clock);
        const make = (event: ProgramEvent): void => {
          const { part, when } = event;
          const clock = parts[part] ?? world.clock;
          const label = part < 0 ? 'any' : `p${part}`;
          const fire = (): void => run(event);
          left += part < 0 ? 1 : 0;
          if (ambient !== undefined && part < 0 && when === 'soon') {
            // eslint-disable-next-line no-restricted-globals -- this test is about a search over timers of Node
            const timeout = setTimeout(fire, 1);
            timers.set(event, { cancel: () => clearTimeout(timeout) });
            return;
          }
          const timer =
            when === 'now'
              ? clock.post(label, fire)
              : when === 'soon'
                ? clock.timer(label, 1, fire)
                : clock.endOfInstant(label, 0, fire);
          pending[part]?.set(event, timer);
        };
        const run = (event: ProgramEvent): void => {
          const { part, answers, cancels, children, breaks } = event;
          const answer = world.choices.choose('answer', answers);
          const own = pending[part] ?? timers;
          own.delete(event);
          if (cancels !== undefined) {
            const [cancelled, timer] = [...own][cancels] ?? [];
            timer?.cancel();
            if (cancelled !== undefined) own.delete(cancelled);
            if (cancelled !== undefined && part < 0) left -= 1;
          }
          if (part >= 0) states[part] = (states[part]! * 7 + children.length * 3 + answer + 1) % 1_009;
          else {
            seen.push(states.join());
            sim.check(seen.length !== failsAt || states[0]! % 3 !== 0, 'the states are right');
          }
          if (breaks && part >= 0) breakRule(sim, `p${part}`);
          if (answer === 0) children.forEach(make);
          if (part < 0) left -= 1;
          if (left === 0 && part < 0) resolve();
        };
        make({ part: -1, when: 'now', answers: 1, breaks: false, cancels: undefined, children: program });
      }),
  });
  return {
    definition,
    ownerOf: (label) => (label.startsWith('p') ? label : undefined),
    seen: () => seen.join(' '),
  };
}

/** A run that ends twice (R200). */
function breakRule({ world }: Simulation, runner: string): void {
  const status = makeRunStatus('0', 'COMPLETE', NO_TAGS, { stdoutRef: '', stderrRef: '' }, OUTCOME);
  world.tracer.record({ at: world.clock.now(), type: 'status', runner, status });
  world.tracer.record({ at: world.clock.now(), type: 'status', runner, status });
}

function plainEvent(part: number, more: Partial<ProgramEvent> = {}): ProgramEvent {
  return { part, when: 'now', answers: 1, breaks: false, cancels: undefined, children: [], ...more };
}

function lateMaker(part: number, answers = 1): ProgramEvent {
  return plainEvent(part, { answers, children: [plainEvent(part, { when: 'at the end' })] });
}

/** Programs that chance seldom makes. */
export const RARE_PROGRAMS: readonly (readonly ProgramEvent[])[] = [
  // Parts that share nothing, but make events whose order is that of their making.
  [lateMaker(2), plainEvent(-1), lateMaker(1)],
  // An event that sleeps with one of its answers and not with the other.
  [plainEvent(-1, { children: [lateMaker(0), plainEvent(-1)] }), lateMaker(2, 2)],
];

function nodeTimer(more: Partial<ProgramEvent> = {}): ProgramEvent {
  return plainEvent(-1, { when: 'soon', ...more });
}

/** Programs with timers of Node that are due together. */
export const EQUAL_TIMERS: readonly (readonly ProgramEvent[])[] = [
  [nodeTimer(), nodeTimer()],
  // The second may be cleared before it reaches the clock, or the first while it waits there.
  [nodeTimer(), nodeTimer({ cancels: 0 }), plainEvent(0, { when: 'soon' }), nodeTimer()],
  [plainEvent(-1, { cancels: 0 }), nodeTimer(), nodeTimer()],
  // The list races with events of parts and of the clock.
  [
    nodeTimer({ children: [plainEvent(-1)] }),
    nodeTimer(),
    plainEvent(1, { when: 'soon', children: [plainEvent(1)] }),
  ],
];
