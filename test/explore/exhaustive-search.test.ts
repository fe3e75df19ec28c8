import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Timer } from '../../src/kernel/clock.ts';
import { exhaustiveStrategy } from '../../src/explore/exhaustive-strategy.ts';
import { explore } from '../../src/explore/explorer.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import type { Strategy } from '../../src/explore/strategy.ts';
import { argvScript } from '../../src/runners/fake-script.ts';
import { createFakeRunner } from '../../src/runners/fake-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { NO_TAGS } from '../../src/model/command.ts';
import { makeRunStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { everyInterleaving } from './every-interleaving.ts';
import { seeingExecutor, type OwnerOf } from './schedule-class.ts';

/** A scenario that tells what its users can see, whose labels say whose its events are. */
interface SeenScenario {
  readonly definition: ScenarioDefinition<undefined>;
  readonly ownerOf: OwnerOf;
  /** What was seen in the execution that ended last. */
  readonly seen: () => string;
}

interface Exploration {
  /** What was seen, by class of schedule. */
  readonly classes: Map<string, string>;
  readonly executions: number;
  /** Schedules run to the end. */
  readonly schedules: number;
  /** Schedules of one class in which users saw different things. */
  readonly torn: string[];
  readonly isWhole: boolean;
}

const INTERLEAVINGS_MAX = 3_000;

async function exploreAll(
  { definition, ownerOf, seen }: SeenScenario,
  strategy: Strategy,
): Promise<Exploration> {
  const classes = new Map<string, string>();
  const torn: string[] = [];
  let schedules = 0;
  const executor = seeingExecutor(definition, ownerOf, ({ name, verdict }) => {
    const result = `${seen()} ${verdict.failure === undefined ? '' : failureKey(verdict.failure)}`;
    schedules += 1;
    if ((classes.get(name) ?? result) !== result) torn.push(`${name}: ${classes.get(name)} or ${result}`);
    classes.set(name, result);
  });
  const { executions, stoppedBy } = await explore(executor, strategy, {
    maxExecutions: INTERLEAVINGS_MAX,
    onFailure: () => true,
  });
  return { classes, executions, schedules, torn, isWhole: stoppedBy === 'exhausted' };
}

/** Compares the search with brute force; false if the scenario has too many interleavings for that. */
async function agrees(scenario: SeenScenario): Promise<boolean> {
  const all = await exploreAll(scenario, everyInterleaving());
  if (!all.isWhole) return false;
  expect(all.torn).toEqual([]);
  const strategy = exhaustiveStrategy(scenario.definition);
  const reduced = await exploreAll(scenario, strategy);
  const { schedules, failures, complete, executions, equivalent } = strategy.certificate();
  expect(complete).toBe(true);
  expect(reduced.classes).toEqual(all.classes);
  expect(schedules).toBe(all.classes.size);
  expect(executions).toBe(schedules + equivalent);
  expect(executions).toBeLessThanOrEqual(all.executions);
  const failed = [...all.classes.values()].filter((result) => !result.endsWith(' ')).length;
  expect(failures).toBe(failed);
  return true;
}

/** What an event of a made-up program does. */
interface ProgramEvent {
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
function programEvents(part: number, depth: number): fc.Arbitrary<readonly ProgramEvent[]> {
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

/** Runs a program: parts have a state that depends on the order of their own events alone, events of nobody see all states. */
function programScenario(program: readonly ProgramEvent[], failsAt: number): SeenScenario {
  let seen: string[] = [];
  const definition = defineScenario({
    name: 'program',
    description: 'a made-up program',
    options: { leftovers: 'ignore' },
    run: (sim) =>
      new Promise<void>((resolve) => {
        seen = [];
        let left = 0;
        const states = Array.from({ length: PARTS }, () => 1);
        const pending = Array.from({ length: PARTS }, () => new Map<ProgramEvent, Timer>());
        const { world } = sim;
        const parts = states.map((_, part) => world.isolate?.(world, `p${part}`)?.clock ?? world.clock);
        const make = (event: ProgramEvent): void => {
          const { part, when } = event;
          const clock = parts[part] ?? world.clock;
          const label = part < 0 ? 'any' : `p${part}`;
          const fire = (): void => run(event);
          left += part < 0 ? 1 : 0;
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
          const own = pending[part];
          own?.delete(event);
          if (own !== undefined && cancels !== undefined) {
            const [cancelled, timer] = [...own][cancels] ?? [];
            timer?.cancel();
            if (cancelled !== undefined) own.delete(cancelled);
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

/** A run on a runner, and what its user does. */
interface UserPlan {
  readonly runner: number;
  readonly runMs: number;
  readonly abortAtMs: number | undefined;
  readonly waitMs: number;
  readonly chooses: boolean;
}

const userPlan: fc.Arbitrary<UserPlan> = fc.record({
  runner: fc.nat(2),
  runMs: fc.constantFrom(0, 5),
  abortAtMs: fc.constantFrom(undefined, 0, 5),
  waitMs: fc.constantFrom(5, Infinity),
  chooses: fc.boolean(),
});

const RUNNERS: readonly ((sim: Simulation, name: string) => Service)[] = [
  ({ world }, name) => createSimulatedRunner(world, { name, idPrefix: `${name}-`, capacity: 3 }),
  ({ world }, name) =>
    createFakeRunner(world, { name, idPrefix: `${name}-`, capacity: 3, script: argvScript }),
];

/** Users of up to three runners that race with each other; `kinds` says what each runner is. */
function runnersScenario(kinds: readonly number[], plans: readonly UserPlan[]): SeenScenario {
  let seen: string[] = [];
  const definition = defineScenario({
    name: 'users',
    description: 'users start, wait for and abort runs',
    async run(sim) {
      seen = [];
      const runners = kinds.map((kind, index) => RUNNERS[kind]!(sim, 'xyz'.charAt(index)));
      await Promise.all(
        plans.map((plan) => useRunner(sim, runners[plan.runner % runners.length]!, plan, seen)),
      );
      await Promise.all(runners.map((runner) => runner.release()));
    },
  });
  const own = /^(?:run\/|process\/)?([xyz])(?:-\d+)? /;
  return { definition, ownerOf: (label) => own.exec(label)?.[1], seen: () => seen.join(' ') };
}

async function useRunner(sim: Simulation, runner: Service, plan: UserPlan, seen: string[]): Promise<void> {
  const { runMs, abortAtMs, waitMs, chooses } = plan;
  const { runId } = await runner.run({ argv: [`sleep ${runMs}`, 'complete 0'] });
  const waiting = runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: waitMs }).then(
    ({ statuses }) => seen.push(`${runId}:${statuses.length}`),
    () => seen.push(`${runId}:never`),
  );
  if (abortAtMs !== undefined && !(chooses && sim.choose('change of mind', 2) === 1)) {
    await sim.sleep(abortAtMs);
    seen.push(`${runId}:${(await runner.abort(runId)).state}`);
  }
  await waiting;
  const { status } = await finalStatus(runner, runId);
  seen.push(`${runId}=${status.state}`);
}

describe('exhaustive search', () => {
  test('explores each class of equivalent interleavings once, as brute force counts them, of any program', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(programEvents(-1, 2), fc.integer({ min: 1, max: 4 }), async (program, failsAt) => {
        if (await agrees(programScenario(program, failsAt))) compared += 1;
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  test('and of any users of real runners', async () => {
    let compared = 0;
    const kinds = fc.array(fc.nat(1), { minLength: 1, maxLength: 3 });
    const plans = fc.array(userPlan, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(kinds, plans, async (which, users) => {
        if (await agrees(runnersScenario(which, users))) compared += 1;
      }),
      { numRuns: 40 },
    );
    expect(compared).toBeGreaterThan(20);
  });
});
