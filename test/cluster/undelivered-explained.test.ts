// What a history says of calls and messages that did not arrive.
import { expect, test } from 'vitest';
import { type ClusterNode, createNetwork, type Network, type NodeContext } from '../../src/cluster/index.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';

interface Cluster {
  readonly net: Network;
  readonly bank: ClusterNode;
}

/** The lines about `deposit` and `pay` of a failure that names another call, of which there are more than a history has lines. */
async function linesOf(
  disturb: (cluster: Cluster) => void,
  about = /(deposit|pay).*(lost|refused|held)/,
): Promise<string[]> {
  const scenario = defineScenario({
    name: 'payments',
    description: 'a client whose calls do not arrive',
    async run(sim) {
      const net = createNetwork(sim, { latencyMs: 2, callTimeoutMs: 50 });
      const bank = net.node('bank', (node) => {
        node.onMessage(() => undefined);
        return { deposit: (): number => 1, look: (n: number): number => n };
      });
      const watcher = async ({ connect, sleep }: NodeContext): Promise<void> => {
        const look = connect<{ look(n: number): number }>('bank');
        for (let i = 0; i < 30; i += 1) {
          await look.look(i).catch(() => undefined);
          await sleep(1 + (i % 3));
        }
      };
      for (const name of ['eve', 'bob']) net.node(name, watcher);
      net.node('ann', async ({ connect, send, sleep }) => {
        await sleep(20);
        send('bank', { pay: 3 });
        await connect<{ deposit(): number }>('bank')
          .deposit()
          .catch(() => undefined);
      });
      await sim.sleep(21);
      disturb({ net, bank });
      await sim.sleep(100);
      sim.check(false, 'bob and eve look for 30 of 30, and ann of bank has none');
    },
  });
  const { history } = await explain(createExecutor(scenario), []);
  expect(history).toHaveLength(12);
  const lines = history.map(({ atMs, text }) => `${atMs} ${text}`);
  return lines.filter((line) => about.test(line));
}

test.each<readonly [string, string, (cluster: Cluster) => void]>([
  ['a partition', 'is lost: the network is partitioned', ({ net }) => net.partition(['ann'], ['bank'])],
  ['a cut', 'is lost: the network is partitioned', ({ net }) => net.cut('ann', 'bank')],
  ['a hold', 'is held back: the link is held', ({ net }) => net.hold('ann', 'bank')],
  ['a crash of its receiver', 'is refused: bank is down', ({ bank }) => bank.crash()],
  ['a pause of its receiver', 'is held back: bank is paused', ({ bank }) => bank.pause()],
])('what does not arrive because of %s has one line, with the reason', async (_, became, disturb) => {
  expect(await linesOf(disturb)).toEqual([
    `22 {pay: 3} from ann to bank ${became}`,
    `22 the call deposit() from ann to bank ${became}`,
  ]);
});

test('a node that has answered since its crash is shown to start again', async () => {
  const lines = await linesOf(({ bank }) => bank.restart(), /^\d+ bank (crashes|restarts)/);
  expect(lines).toEqual(['21 bank crashes', '21 bank restarts']);
});
