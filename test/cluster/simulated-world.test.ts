import { expect, test } from 'vitest';
import { createNetwork } from '../../src/cluster/network.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import type { NodeProgram } from '../../src/model/node-context.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import * as programs from './programs.ts';
import { WORLD_CASES } from './world-cases.ts';

test.for(WORLD_CASES)('$title', async ({ run }) => {
  const notes: string[] = [];
  const { failure } = await simulate({
    oracles: [
      () => ({
        watch(event) {
          if (event.type === 'note') notes.push(event.text);
        },
        end() {},
      }),
    ],
    source: fifoDecisions(),
    scenario: (sim) => {
      const net = createNetwork(sim);
      return run({
        notes,
        node: async (name, program) => net.node(name, programs[program] as NodeProgram<object>),
        connect: (to, options) => net.connect(to, options),
        stop: () => net.stop(),
      });
    },
  });
  expect(failure).toBeUndefined();
});
