import { expect, test } from 'vitest';
import { createNetwork, isCallLost, type LinkFaults } from '../../src/cluster/index.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { explore } from '../../src/explore/explorer.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { shrink } from '../../src/explore/shrink/shrinker.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** Adding is no call to make twice. */
class Account {
  balance = 0;
  deposit(_order: Order): number {
    return (this.balance += 7);
  }
}

/** Says what it is. */
class Order {
  readonly id = 3;
  describe(): string {
    return `the deposit of order ${this.id}`;
  }
}

async function explained(faults: LinkFaults) {
  const scenario = defineScenario({
    name: 'account',
    description: 'a client that calls again what may have been done',
    async run(sim) {
      const net = createNetwork(sim, { latencyMs: 1, callTimeoutMs: 100, faults });
      const account = new Account();
      net.node('bank', () => account);
      net.node('a', async ({ connect }) => {
        const bank = connect<Account>('bank');
        let isDone = false;
        while (!isDone) {
          isDone = await bank.deposit(new Order()).then(
            () => true,
            (error: unknown) => !isCallLost(error),
          );
        }
      });
      await sim.sleep(10_000);
      sim.check(account.balance === 7, `the balance is ${account.balance}`);
    },
  });
  const executor = createExecutor(scenario);
  const failures: Verdict[] = [];
  await explore(executor, randomStrategy(1), {
    maxExecutions: 500,
    onFailure: (verdict) => failures.push(verdict) < 1,
  });
  const [verdict] = failures;
  if (verdict?.failure === undefined) throw new Error('nothing failed');
  const { log } = await shrink(executor, verdict.decisions(), failureKey(verdict.failure));
  const { sentence, history } = await explain(executor, log);
  return { sentence, history: history.map(({ atMs, text }) => `${atMs} ${text}`) };
}

test.each<readonly [string, LinkFaults, string]>([
  ['lost', { lose: true }, "1 the answer 7 of bank to a's call deposit(the deposit of order 3) is lost"],
  ['duplicated', { duplicate: true }, '0 the deposit of order 3 (a to bank) is duplicated'],
  ['delayed', { delay: true }, '0 the deposit of order 3 (a to bank) is delayed by 250 ms'],
])('a message that is %s is in the history once, in its own words', async (_, faults, line) => {
  const { sentence, history } = await explained(faults);
  const text = line.slice(2);
  expect(sentence).toContain(`when ${text}`);
  expect(history.filter((shown) => shown.includes(text) || shown.includes('is held back'))).toEqual([line]);
});

test('a partition is explained with its groups and how long it lasts', async () => {
  const { sentence, history } = await explained({ partition: true });
  const text = 'the network is partitioned: bank | a, for 250 ms';
  expect(sentence).toContain(`when ${text}`);
  expect(history).toContain(`1 ${text}`);
  expect(history).toContain(
    "1 the answer 7 of bank to a's call deposit(the deposit of order 3) is lost: the network is partitioned",
  );
});
