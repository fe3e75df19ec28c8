import { expect, test } from 'vitest';
import { createNetwork } from '../../src/cluster/network.ts';
import { isCallLost } from '../../src/cluster/sent-error.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { certify } from '../../src/explore/exhaustive/certify.ts';
import { explore } from '../../src/explore/explorer.ts';
import type { Strategy } from '../../src/explore/strategies/strategy.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import { everyInterleaving } from '../explore/exhaustive/every-interleaving.ts';

class Lock {
  #holder = '';

  acquire(client: string): boolean {
    if (this.#holder !== '' && this.#holder !== client) return false;
    this.#holder = client;
    return true;
  }
}

/** A lock on one node, a client on another and one outside; the lock may crash once, at any event or call. */
function lockWithOneCrash(ends: string[]): ScenarioDefinition<undefined> {
  return defineScenario({
    name: 'lock-with-one-crash',
    description: 'two clients ask for a lock that may crash',
    async run(sim) {
      const granted: string[] = [];
      const net = createNetwork(sim);
      net.node('lock', () => new Lock(), { faults: { crash: 2, strikesMax: 1, downMsMax: 0 } });
      const ask = async (client: string, acquire: (client: string) => Promise<boolean>): Promise<void> => {
        for (let tries = 2; tries > 0; tries -= 1) {
          try {
            granted.push(`${client} ${await acquire(client)}`);
            return;
          } catch (error) {
            if (!isCallLost(error)) throw error;
          }
        }
        granted.push(`${client} lost`);
      };
      let isOver = (): void => {};
      const over = new Promise<void>((resolve) => {
        isOver = resolve;
      });
      net.node('a', async (node) => {
        const lock = node.connect<Lock>('lock', { timeoutMs: 5 });
        await ask('a', (client) => lock.acquire(client));
        isOver();
      });
      const lock = net.connect<Lock>('lock', { timeoutMs: 5 });
      await ask('b', (client) => lock.acquire(client));
      await over;
      ends.push(granted.join(', '));
      sim.check(!(granted.includes('a true') && granted.includes('b true')), 'one client has the lock');
    },
  });
}

/** All ends that a strategy reaches, and whether it came to its own end. */
async function endsBy(
  strategy: Strategy,
): Promise<{ ends: Set<string>; executions: number; isWhole: boolean }> {
  const ends: string[] = [];
  const executor = createExecutor(lockWithOneCrash(ends));
  const { executions, stoppedBy } = await explore(executor, strategy, {
    maxExecutions: 20_000,
    onFailure: () => true,
  });
  return { ends: new Set(ends), executions, isWhole: stoppedBy === 'exhausted' };
}

test('the certificate of a lock on two nodes with one crash agrees with brute force', async () => {
  const brute = await endsBy(everyInterleaving());
  expect(brute.isWhole).toBe(true);
  const ends: string[] = [];
  const certificate = await certify(lockWithOneCrash(ends));
  expect(certificate.complete).toBe(true);
  expect(new Set(ends)).toEqual(brute.ends);
  expect(certificate.schedules).toBeLessThanOrEqual(brute.executions);
  // It forgets in its crash whom it has granted the lock to.
  expect(brute.ends).toContain('b true, a true');
  expect(certificate.failures).toBeGreaterThan(0);
});
