// Nodes to play on, and what happened to them.
import { expect } from 'vitest';
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { type NodeOptions, createNode, type Node } from '../../src/simulation/service-node.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { SimulateOptions } from '../../src/simulation/simulate-options.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

export type SimulatedNode = Node<ReturnType<typeof createSimulatedRunner>>;

export function makeNode(
  sim: Simulation,
  options: Partial<NodeOptions<ReturnType<typeof createSimulatedRunner>>> = {},
): SimulatedNode {
  return createNode(sim, {
    name: 'n1',
    start: (world, { name, idPrefix }) =>
      createSimulatedRunner(world, { name, idPrefix, capacity: 4, history: 0 }),
    ...options,
  });
}

/** Plays by hand on one node, releases it, and expects that nothing is left. */
export async function play(
  scenario: (sim: Simulation, node: SimulatedNode) => Promise<void>,
  options: Partial<SimulateOptions> & { readonly node?: Parameters<typeof makeNode>[1] } = {},
): Promise<Verdict> {
  const { node: nodeOptions, ...simulation } = options;
  const verdict = await simulate({
    source: fifoDecisions(),
    keepTrace: true,
    ...simulation,
    scenario: async (sim) => {
      const node = makeNode(sim, nodeOptions);
      await scenario(sim, node);
      await node.release();
    },
  });
  expect(verdict.failure).toBeUndefined();
  return verdict;
}

export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'answered';
  } catch (error) {
    return isRunnerError(error) ? error.code : `${String(error)}`;
  }
}

/** A source with given answers by label, and else 0. */
export function answering(answers: Readonly<Record<string, number>>): DecisionSource {
  return { decide: ({ text }, n) => Math.min(answers[text] ?? 0, n - 1) };
}

export function faultsOf(verdict: Verdict): string[] {
  return verdict
    .trace()
    .flatMap((event) =>
      event.type === 'fault' ? [`${event.at} ${event.runner} ${event.operation} ${event.kind}`] : [],
    );
}
