// Which answers a failure turns on when its text names two callers and a value.
import { expect, test } from 'vitest';
import { createNetwork, type NodeContext } from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { decisiveAnswers } from '../../../src/explore/explain/decisive-answers.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { observe } from '../../../src/explore/explain/observed-run.ts';
import { RunIndex } from '../../../src/explore/explain/run-index.ts';
import type { KeyedDecision } from '../../../src/explore/keyed-log.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { fault } from '../../questions.ts';

interface Voter {
  vote(term: number, candidate: string): Promise<boolean>;
}

/** A call of n1 or n2: from whom, to whom, in which term, and the answer. */
type Vote = readonly [caller: string, voter: string, term: number, answer: boolean];

/** The votes are asked for one after the other, and each voter syncs a file called `term` before it answers. */
function election(votes: readonly Vote[]): ReturnType<typeof createExecutor> {
  return createExecutor(
    defineScenario<unknown>({
      name: 'election',
      description: 'two lead in one term',
      async run(sim) {
        const net = createNetwork(sim, { latencyMs: 6 });
        const programOf = (name: string) => (node: NodeContext) => {
          votes.forEach(([caller, voter, term], nth) => {
            if (caller !== name) return;
            void node.sleep(nth * 10, 'patience').then(() => node.connect<Voter>(voter).vote(term, name));
          });
          return {
            async vote(term: number, candidate: string): Promise<boolean> {
              await node.disk.write('term', String(term));
              await node.disk.sync('term');
              return votes.some((vote) => vote.join() === [candidate, name, term, true].join());
            },
          };
        };
        for (const name of ['n1', 'n2', 'n3', 'n4']) {
          net.node(name, programOf(name), { faults: { crash: 4 } });
        }
        await sim.sleep(1000);
        sim.check(false, 'n1 and n2 lead in term 1');
      },
    }),
  );
}

const VOTES: readonly Vote[] = [
  ['n1', 'n3', 1, true],
  ['n2', 'n3', 1, true],
  ['n1', 'n4', 1, true],
  ['n2', 'n4', 1, false],
  ['n1', 'n4', 2, true],
  ['n2', 'n1', 2, true],
];

const WORDS = ['n1', 'and', 'n2', 'lead', 'in', 'term', '1'];

async function found(
  votes: readonly Vote[],
  { words = WORDS, log = [] }: { words?: readonly string[]; log?: readonly KeyedDecision[] } = {},
): Promise<{ decisive: string[]; others: string[] }> {
  const index = new RunIndex(await observe(election(votes), log, false));
  const { decisive, others } = decisiveAnswers(index, new Set(words));
  const textsOf = (events: ReadonlySet<TraceEvent>): string[] =>
    [...events].map((event) => index.exchanges.textOf(event) ?? '');
  return { decisive: textsOf(decisive), others: textsOf(others) };
}

test('a failure that names two callers turns on the node that gave both the same answer', async () => {
  expect(await found(VOTES)).toEqual({
    decisive: [
      'n1 gets true from vote(1, "n1") of n3, called at 0 ms',
      'n2 gets true from vote(1, "n2") of n3, called at 10 ms',
    ],
    others: [
      'n1 gets true from vote(1, "n1") of n4, called at 20 ms',
      'n2 gets false from vote(1, "n2") of n4, called at 30 ms',
    ],
  });
});

test('of nodes that contradict themselves alike the last one counts, and of each caller its last answer', async () => {
  const again: Vote[] = [...VOTES.slice(0, 3), ['n2', 'n4', 1, true], ['n2', 'n4', 1, true]];
  const { decisive } = await found(again);
  expect(decisive).toEqual([
    'n1 gets true from vote(1, "n1") of n4, called at 20 ms',
    'n2 gets true from vote(1, "n2") of n4, called at 40 ms',
  ]);
});

test.for([
  ['one caller', ['n1', 'leads', 'in', 'term', '1']],
  ['no value', ['n1', 'and', 'n2', 'lead']],
  ['a value of no call', ['n1', 'and', 'n2', 'lead', 'in', 'term', '7']],
] as const)('a failure that names %s turns on no answers', async ([, words]) => {
  expect(await found(VOTES, { words })).toEqual({ decisive: [], others: [] });
});

test('the votes of both leaders come before what was written to a file that lost nothing', async () => {
  const { history } = await explain(election(VOTES), [], { maxExecutions: 0 });
  const texts = history.map(({ text }) => text);
  expect(texts).toEqual(
    expect.arrayContaining([
      'n1 gets true from vote(1, "n1") of n3, called at 0 ms',
      'n2 gets true from vote(1, "n2") of n3, called at 10 ms',
      'n1 gets true from vote(1, "n1") of n4, called at 20 ms',
      'n2 gets false from vote(1, "n2") of n4, called at 30 ms',
    ]),
  );
});

test('an answer before whose arrival something was decided is shown by its sending', async () => {
  const votes: Vote[] = [...VOTES.slice(0, 2), ['n4', 'n1', 1, false]];
  const log = [
    {
      question: fault('n4 crash at patience'),
      n: 4,
      occurrence: 0,
      answer: 3,
    },
  ];
  const { decisive } = await found(votes, { log });
  expect(decisive).toEqual([
    'n1 gets true from vote(1, "n1") of n3, called at 0 ms',
    'n3 answers n2\'s call vote(1, "n2") with true, called at 10 ms',
  ]);
});
