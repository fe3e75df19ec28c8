import { expect, test } from 'vitest';
import { createSimFiler } from '../../src/filers/sim-filer.ts';
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import type { Question } from '../../src/kernel/question.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { chosenFilerMenu, chosenOutputFaults, chosenSkew } from '../../src/simulation/chosen-faults.ts';
import { createNode } from '../../src/simulation/service-node.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

/** One client, one node with everything that can go wrong, and a network that can too. */
async function everything(sim: Simulation): Promise<void> {
  const node = createNode(sim, {
    name: 'n1',
    faults: { crash: 8, pause: 8, slow: 8 },
    skew: chosenSkew(sim, 'n1'),
    start: (world, { index, name, idPrefix }) => {
      const filer = createSimFiler({ ...world, name: `f${index}`, runner: name, menu: chosenFilerMenu() });
      const outputs = createMemoryOutputs({ faults: chosenOutputFaults({ world }) });
      const filers = new Map([['scoot' as const, { filer }]]);
      return createSimulatedRunner(world, { name, idPrefix, filers, outputs });
    },
  });
  const network = createChaosRunner(sim.world, node, {
    name: 'network',
    plan: {
      rates: { run: { before: 0.1, after: 0.1, duplicated: 0.1 }, query: { reordered: 0.1, stuck: 0.1 } },
    },
  });
  let isDone = false;
  const client = async (): Promise<void> => {
    for (let attempt = 0; !isDone; attempt += 1) {
      const timeoutMs = 10_000;
      try {
        const { runId } = await network.run({
          argv: ['stdout started', 'sleep 10', 'complete 0'],
          taskId: `t${attempt}`,
          snapshotId: 's',
          timeoutMs,
        });
        const { statuses } = await network.query(
          { runs: [runId], states: DONE_MASK },
          { timeoutMs: 3 * timeoutMs },
        );
        isDone = statuses[0]?.state === 'COMPLETE';
      } catch (error) {
        if (!isRunnerError(error)) throw error;
        await sim.sleep(100);
      }
      if (isRunnerUnhealthy(node.service)) node.restart();
    }
  };
  const done = client();
  if (sim.strikes('user', 'impatience')) sim.note('never mind');
  sim.atSomeEvent('noise', () => sim.note('noise'), { within: 2 });
  await sim.sleep(50_000);
  await sim.eventually('the job is done', () => isDone, { withinMs: 200_000 });
  await done;
  await network.release();
  await sim.sleep(10_000);
}

function isRunnerUnhealthy(runner: ReturnType<typeof createSimulatedRunner> | undefined): boolean {
  return runner !== undefined && !runner.shareStore().serviceStatus.isHealthy;
}

/** Everything plain but one answer, by question and occurrence. */
function only(wanted: { readonly question: Question; readonly occurrence: number }): DecisionSource {
  return {
    decide: ({ key }, n, occurrence) =>
      key === wanted.question.key && occurrence === wanted.occurrence ? n - 1 : 0,
  };
}

test('R200 R204 R212 any fault can strike alone: its highest answer strikes at the place that its question names', async () => {
  const plain = await simulate({ scenario: everything, source: { decide: () => 0 } });
  expect([plain.failure, plain.faults]).toEqual([undefined, 0]);
  const asked = new Map<string, number>();
  const points = plain.decisions().flatMap(({ question }) => {
    const occurrence = asked.get(question.key) ?? 0;
    asked.set(question.key, occurrence + 1);
    return question.kind === 'fault' ? [{ question, occurrence }] : [];
  });
  const kinds = new Set<string>();
  for (const point of points) {
    const verdict = await simulate({ scenario: everything, source: only(point), keepTrace: true });
    expect(verdict.failure, point.question.text).toBeUndefined();
    const [fault, ...more] = verdict.trace().flatMap((event) => (event.type === 'fault' ? [event] : []));
    expect(fault, point.question.text).toBeDefined();
    // The behaviour of a filer may have two names, such as slow and deaf.
    expect(new Set(more.map(({ at }) => at)), point.question.text).toEqual(
      new Set(more.length > 0 ? [fault?.at] : []),
    );
    kinds.add(`${fault?.operation} ${fault?.kind}`.replace(/\d+/g, '#'));
  }
  expect([...kinds].sort()).toMatchInlineSnapshot(`
    [
      "checkout deaf",
      "clock drift",
      "clock offset",
      "event noise",
      "n#.#-#-stderr create",
      "n#.#-#-stdlog create",
      "n#.#-#-stdout create",
      "node crash",
      "node pause",
      "node slow",
      "query stuck",
      "run duplicated",
      "user impatience",
    ]
  `);
});
