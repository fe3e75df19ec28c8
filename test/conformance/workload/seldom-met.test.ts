// What an exploration seldom meets: correct runners that the judges must not blame.
import { describe, expect, test } from 'vitest';
import { interceptService } from '../../../src/call/intercept-service.ts';
import { ConformanceError } from '../../../src/conformance/check.ts';
import { conformanceCases } from '../../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../../src/conformance/subject.ts';
import type { DrawnCommand } from '../../../src/conformance/workload/drawn-command.ts';
import { drawParts } from '../../../src/conformance/workload/drawn-parts.ts';
import { Draws } from '../../../src/conformance/workload/draws.ts';
import { exploreWorkload } from '../../../src/conformance/workload/explore-workload.ts';
import { partsTermsOf, PartsWorkload } from '../../../src/conformance/workload/parts-workload.ts';
import { ReadJudge } from '../../../src/conformance/workload/read-judge.ts';
import { RunLedger } from '../../../src/conformance/workload/run-ledger.ts';
import { RunnerReach } from '../../../src/conformance/workload/runner-reach.ts';
import type { WorkloadHost } from '../../../src/conformance/workload/workload-host.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { messageOf } from '../../../src/kernel/errors.ts';
import { type Label, topicOf } from '../../../src/kernel/question.ts';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { type RunStatus, zeroStatus } from '../../../src/model/run-status.ts';
import { maskForState } from '../../../src/model/state-mask.ts';
import type { Service } from '../../../src/model/service.ts';
import { HEALTHY_SERVICE_STATUS } from '../../../src/model/service-status.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { resultsOf } from '../hand-made-cases.ts';
import { simulated } from '../subjects.ts';

const nextEvent = (clock: Clock, what: string): Promise<void> =>
  new Promise((resolve) => {
    clock.post(what, resolve);
  });

/** Returns from `run` in the instant of the call, but that many events later. */
const after = (service: Service, clock: Clock, events: number): Service =>
  interceptService(service, async (call, proceed) => {
    const answer = await proceed(call);
    if (call.method === 'run') for (let at = 0; at < events; at += 1) await nextEvent(clock, 'look');
    return answer;
  });

const shown = (runId: string, state: RunStatus['state']): RunStatus => ({ ...zeroStatus(), runId, state });
const EXIT: DrawnCommand = {
  ...({ command: { argv: ['exit'] }, kind: 'exit', lastsMs: 20 } as const),
  end: { state: 'COMPLETE', exitCode: 0, error: '' },
  ...{ starts: true, isStubborn: false, stdout: '', stderr: '', secrets: [] },
};
const MALFORMED: DrawnCommand = {
  ...EXIT,
  ...({ command: { argv: [] }, kind: 'malformed', lastsMs: 0, starts: false } as const),
  end: { state: 'FAILED', exitCode: undefined, error: undefined, hasError: (error) => error !== '' },
};

/** A ledger and a judge of reads on a clock that the test moves; complaints are kept, and thrown as in a workload. */
function judged({ capacity = 2, history = 0 } = {}) {
  let now = 0;
  const found: string[] = [];
  const host: WorkloadHost = {
    ...{ now: () => now, sometimes: () => undefined, choose: () => 0, heal: () => undefined },
    atSomeEvent: () => undefined,
    sleep: () => Promise.resolve(),
    check: (condition, message) => {
      if (condition) return;
      found.push(message);
      throw new ConformanceError(message, 'what the contract allows', message);
    },
    world: { clock: createVirtualClock({ epochMs: 0 }) } as unknown as WorkloadHost['world'],
  };
  const reach = new RunnerReach(host, []);
  const terms = { capacity, history, idPrefix: '', hasExactTimes: true, graceMs: 0 };
  const ledger = new RunLedger(host, { ...terms, parts: { options: {}, check: () => undefined } }, reach);
  const judge = new ReadJudge(host, ledger, reach, { seesAll: true });
  const sleep = (ms: number): void => void (now += ms);
  return { host, reach, ledger, judge, found, sleep };
}

/** The host, with the answers to some of its choices given by their last words. */
function drawing(
  host: WorkloadHost | Simulation,
  given: Readonly<Record<string, () => number>>,
): WorkloadHost {
  return {
    world: host.world,
    now: () => host.now(),
    sleep: (ms) => host.sleep(ms),
    check: (condition, message, cause) => host.check(condition, message, cause),
    sometimes: (name, condition) => host.sometimes(name, condition),
    atSomeEvent: (label, action, options) => host.atSomeEvent(label, action, options),
    heal: () => host.heal(),
    choose: (label: Label, n, inWords) => {
      const { text } = topicOf(label);
      const [, answer] = Object.entries(given).find(([words]) => text.endsWith(words)) ?? [];
      return answer?.() ?? host.choose(label, n, inWords);
    },
  };
}

const plain = (): number => 0;
/** Draws of a run in a directory of its own, whose abort comes in the instant of its start, and of its metrics. */
const atTheStart = (): Readonly<Record<string, () => number>> => {
  const kinds = ['run', 'abort', 'run'].map((kind) =>
    ['run', 'run', 'sleep', 'sleep', 'abort'].indexOf(kind),
  );
  return {
    ...{ updates: plain, 'no metrics': plain, 'no filer': plain, 'init signals': plain, uploader: plain },
    ...{ 'second filer': plain, preprocessors: plain, postprocessors: plain, limit: plain },
    snapshot: () => 4,
    steps: () => 2,
    does: () => kinds.shift() ?? 0,
  };
};

describe('a correct runner is not blamed', () => {
  test('R105 by the suite, if it has started a run when it returns from `run`', async () => {
    const eager: ConformanceSubject = {
      ...simulated,
      create: async (world, options) => {
        const made = await simulated.create(world, options);
        return { ...made, service: after(made.service, world.clock, 2) };
      },
    };
    const cases = conformanceCases.filter(({ rules }) => rules.includes('R105'));
    const errors = (await resultsOf(eager, cases)).flatMap(({ error }) =>
      error === undefined ? [] : [messageOf(error)],
    );
    expect(errors).toEqual([]);
  });

  test('R105 R181 by the workload of parts, if a run is aborted between its start and that of its process', async () => {
    const subject: ConformanceSubject = {
      ...simulated,
      create: (world, options) => {
        const { clock } = world;
        const inner = createSimExecer({ clock });
        const execer = {
          cancelBoundMs: inner.cancelBoundMs,
          exec: async (command: Parameters<typeof inner.exec>[0]) => {
            await nextEvent(clock, 'spawn');
            return inner.exec(command);
          },
        };
        const service = createSimulatedRunner(world, { ...options, execer });
        return {
          service: after(service, clock, 1),
          readOutput: (uri) => service.outputs.find(uri)?.text() ?? '',
        };
      },
    };
    const scenario = defineScenario<unknown>({
      name: 'started-or-not',
      description: 'runs are aborted in the instant of their start',
      run: (sim) => {
        const host = drawing(sim, atTheStart());
        return new PartsWorkload(host, partsTermsOf(subject, host)).run(() => undefined);
      },
    });
    const { failure, executions } = await exploreWorkload(scenario, {
      executions: 150,
      shrinkExecutions: 0,
    });
    expect([failure?.message, executions]).toEqual([undefined, 150]);
  });

  test('R66 if a malformed command is FAILED at once, while another run is active', () => {
    const { ledger, judge, found, sleep } = judged();
    ledger.accepted(ledger.offer(EXIT), shown('0', 'PENDING'));
    const asked = judge.ask('query', { allRuns: true, states: maskForState('PENDING') }, Infinity);
    sleep(5);
    const failed: RunStatus = { ...shown('1', 'FAILED'), exitCode: 200, error: 'no command' };
    ledger.accepted(ledger.offer(MALFORMED), failed);
    sleep(1);
    ledger.saw('status', failed, 6);
    ledger.accepted(ledger.offer(EXIT), shown('2', 'PENDING'));
    judge.answered(asked, { statuses: [shown('2', 'PENDING')], service: HEALTHY_SERVICE_STATUS });
    expect(found).toEqual([]);
  });

  test('R66 R176 if a malformed command becomes FAILED without being started', () => {
    const { host, reach, found } = judged();
    const draws = new Draws(drawing(host, { metrics: () => 1 }), 'parts');
    const parts = drawParts(draws, simulated, host, reach);
    expect(Object.keys(parts.options)).toEqual(['metrics']);
    const status: RunStatus = { ...shown('0', 'FAILED'), exitCode: 200, error: 'no command' };
    const run = { runId: '0', command: { argv: [] }, acceptedAtMs: 0, stopAskedAtMs: undefined, status };
    parts.check([{ ...run, wasRunning: false, isMalformed: true }]);
    expect(found).toEqual([]);
    expect(() => parts.check([{ ...run, wasRunning: false, isMalformed: false }])).toThrow(ConformanceError);
    expect(found).toEqual([expect.stringMatching(/^R176 1 runs have an end of their own, 0 were started/)]);
  });
});
