/**
 * The example of docs/cluster.md: a lock server in memory on a network that loses messages, on a machine that crashes. It keeps its promise as
 * long as it lives; the next process knows nothing of the locks that the last one granted.
 */
import { defineScenario, type ScenarioDefinition } from 'dryrunner';
import { createNetwork, isCallLost } from 'dryrunner/cluster';

/** Grants each lock to one client at a time. It knows nothing of networks. */
export class LockServer {
  readonly #holders = new Map<string, string>();

  acquire(lock: string, client: string): boolean {
    const holder = this.#holders.get(lock) ?? client;
    this.#holders.set(lock, holder);
    return holder === client;
  }

  release(lock: string, client: string): void {
    if (this.#holders.get(lock) === client) this.#holders.delete(lock);
  }
}

export const lockServer: ScenarioDefinition = defineScenario<unknown>({
  name: 'lock-server',
  description: 'two clients deploy under one lock, on a server that keeps it in memory and can crash',
  async run(sim) {
    const net = createNetwork(sim, { latencyMs: [1, 20], faults: { lose: true } });
    net.node('locks', () => new LockServer(), { faults: { crash: 16 } });

    const deploying = new Set<string>();
    sim.always('one client deploys', () => deploying.size <= 1);

    for (const name of ['ann', 'ben']) {
      net.node(name, async (node) => {
        const locks = node.connect<LockServer>('locks', { timeoutMs: 100 });
        for (let left = 2; left > 0;) {
          try {
            if (await locks.acquire('deploy', name)) {
              deploying.add(name);
              await node.sleep(50);
              deploying.delete(name);
              left -= 1;
              await locks.release('deploy', name);
            }
          } catch (error) {
            if (!isCallLost(error)) throw error;
          }
          await node.sleep(10);
        }
      });
    }
    await sim.sleep(2_000);
  },
});
