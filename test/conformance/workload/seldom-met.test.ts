// What an exploration seldom meets: correct runners that the judges must not blame, broken ones that they must, and what a
// sequence on the machine's time says.
import { describe, expect, test } from 'vitest';
import { createClock } from '@sinonjs/fake-timers';
import { fakeTimersWorld } from '../../../src/ambient/fake-timers-world.ts';
import { interceptService } from '../../../src/call/intercept-service.ts';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import { ConformanceError } from '../../../src/conformance/check.ts';
import { conformanceCases } from '../../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../../src/conformance/subject.ts';
import type { DrawnCommand } from '../../../src/conformance/workload/drawn-command.ts';
import { drawParts } from '../../../src/conformance/workload/drawn-parts.ts';
import { Draws } from '../../../src/conformance/workload/draws.ts';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import {
  type ExplorationProgress,
  exploreWorkload,
} from '../../../src/conformance/workload/explore-workload.ts';
import { GivenAnswers } from '../../../src/conformance/workload/given-answers.ts';
import { checkOutputs } from '../../../src/conformance/workload/output-judge.ts';
import { partsTermsOf, PartsWorkload } from '../../../src/conformance/workload/parts-workload.ts';
import { ReadJudge } from '../../../src/conformance/workload/read-judge.ts';
import { RunLedger } from '../../../src/conformance/workload/run-ledger.ts';
import { RunnerClient } from '../../../src/conformance/workload/runner-client.ts';
import { RunnerReach } from '../../../src/conformance/workload/runner-reach.ts';
import type { WorkloadHost } from '../../../src/conformance/workload/workload-host.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import type { Execer } from '../../../src/model/execer.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { messageOf, RunnerError } from '../../../src/kernel/errors.ts';
import { type Label, topicOf } from '../../../src/kernel/question.ts';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { Query } from '../../../src/model/query.ts';
import { type RunStatus, zeroStatus } from '../../../src/model/run-status.ts';
import { ALL_MASK, maskForState } from '../../../src/model/state-mask.ts';
import type { Service } from '../../../src/model/service.ts';
import { HEALTHY_SERVICE_STATUS } from '../../../src/model/service-status.ts';
import { logHeader, type LogOutputs } from '../../../src/runners/invocation/log-header.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { having, showing } from '../broken-services.ts';
import { noService, resultsOf } from '../hand-made-cases.ts';
import { simulated } from '../subjects.ts';
import { heldWorld } from '../held-world.ts';

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
const EVERYTHING: Query = { allRuns: true, states: ALL_MASK };
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
        const execer = createSimExecer({ clock });
        const exec = execer.exec.bind(execer);
        const later: Execer = execer;
        later.exec = async (command) => {
          await nextEvent(clock, 'spawn');
          return exec(command);
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

describe('a broken runner is found', () => {
  test.for([
    ['RUNNER_UNKNOWN_RUN', 5, false],
    ['RUNNER_UNKNOWN_RUN', 7, true],
    ['its deadline', 7, true],
  ] as const)(
    'R49 if a wait on a run that was forgotten at 5 ms ends with %s at %i ms: %o',
    ([how, endsAtMs, isFound]) => {
      const { ledger, judge, found, sleep } = judged({ capacity: 3, history: 2 });
      ledger.accepted(ledger.offer({ ...EXIT, lastsMs: 0 }), shown('0', 'PENDING'));
      ledger.saw('status', shown('0', 'COMPLETE'), 0);
      ledger.accepted(ledger.offer(EXIT), shown('1', 'PENDING'));
      const asked = judge.ask('query', { runs: ['0', '1'], states: maskForState('FAILED') }, 7);
      sleep(5);
      ledger.accepted(ledger.offer(EXIT), shown('2', 'PENDING'));
      sleep(endsAtMs - 5);
      const end = (): void => {
        if (how === 'its deadline') judge.answered(asked, { statuses: [], service: HEALTHY_SERVICE_STATUS });
        else judge.refused(asked, new RunnerError(how, 'unknown run id 0'));
      };
      if (isFound) expect(end).toThrow(ConformanceError);
      else end();
      const text = `R49 query: expected RUNNER_UNKNOWN_RUN at 5 ms, when run 0 was forgotten, got its end at ${endsAtMs} ms`;
      expect(found).toEqual(isFound ? [text] : []);
    },
  );

  test.for(['stdout', 'stderr', 'stdlog'] as const)(
    'R96 if the header of %s lacks the URI of the combined log',
    async (log) => {
      const uris = { stdout: 'file:///a', stderr: 'file:///b', stdlog: 'file:///c' } as const;
      const { ledger, host, reach, found } = judged();
      const { command } = EXIT;
      ledger.accepted(ledger.offer(EXIT), shown('0', 'PENDING'));
      const refs = { stdoutRef: uris.stdout, stderrRef: uris.stderr };
      const run = ledger.find('0');
      if (run !== undefined) run.ended = { ...shown('0', 'COMPLETE'), ...refs };
      const outputs = Object.values(uris).map((uri) => ({ uri })) as unknown as LogOutputs;
      const whole = logHeader(0, outputs, command);
      const readOutput = (uri: string): string =>
        uri === uris[log] ? whole.replace(uris.stdlog, '') : whole;
      await checkOutputs(host, ledger, () => whole, reach);
      expect(found).toEqual([]);
      await expect(checkOutputs(host, ledger, readOutput, reach)).rejects.toThrow(ConformanceError);
      const text =
        log === 'stdout'
          ? 'R96 the header of stdout of run 0 has no URI of the combined log'
          : `R96 ${log} of run 0 has a header without the URI file:///c`;
      expect(found).toEqual([text]);
    },
  );

  test('R84 if reads are refused after the release, and what was expected is said', async () => {
    const { ledger, judge, host, reach, found } = judged();
    const refusing = having(noService, {
      statusAll: () => Promise.reject(new RunnerError('RUNNER_RELEASED', 'it is released')),
    });
    const given = new GivenAnswers(host);
    const work = { host, subject: simulated, ledger, judge, reach, signals: [], given, reads: [], open: [] };
    ledger.releaseAsked();
    const looked = new RunnerClient('client', refusing, work).look('statusAll', EVERYTHING);
    await expect(looked).rejects.toThrow(ConformanceError);
    expect(found).toEqual(['R84 statusAll: expected statuses, got RUNNER_RELEASED\n\nit is released']);
  });
});

describe('a sequence', () => {
  test('R200 on the machine’s time that does not end fails with the first answer that broke a rule', async () => {
    const timers = createClock();
    const end = { hasCome: false };
    const passing = (async () => {
      while (!end.hasCome) await timers.nextAsync();
    })();
    const subject: ConformanceSubject = {
      ...simulated,
      supports: supportsAllBut({
        ...{ virtualTime: 'it is a machine', outputs: 'not looked at', filers: 'not looked at' },
        ...{ collaborators: 'not looked at', actions: 'not looked at' },
      }),
      wallWorld: () => fakeTimersWorld(timers, { seed: 1 }),
      create(world, options) {
        const good = createSimulatedRunner(world, options);
        const seen = new Set<string>();
        let isBroken = false;
        const changing = showing(good, (status) => {
          if (status.state !== 'COMPLETE') return status;
          if (!seen.has(status.runId)) {
            seen.add(status.runId);
            return status;
          }
          isBroken = true;
          return { ...status, exitCode: status.exitCode + 1 };
        });
        const release = (): Promise<void> => (isBroken ? new Promise<void>(() => {}) : good.release());
        return { service: having(changing, { release }) };
      },
    };
    const { failure } = await exploreRunner(subject, { sequences: 30 });
    end.hasCome = true;
    await passing;
    expect(failure?.message).toMatch(
      /^R200 .*: expected exitCode of run \d+ to be \d+, as at its end, got \d+/,
    );
  });

  test('in held time is reported to onProgress', async () => {
    const steps: ExplorationProgress[] = [];
    const { executions } = await exploreRunner(
      {
        ...simulated,
        heldWorld,
      },
      { sequences: 2, onProgress: (step) => void steps.push(step) },
    );
    expect(executions).toBe(2);
    expect(steps).toEqual([1, 2].map((sequence) => ({ doing: 'exploring', executions: sequence })));
  });
});
