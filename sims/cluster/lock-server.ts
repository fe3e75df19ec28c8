/**
 * The example of docs/cluster.md: a lock server in memory, on a network that loses messages and a machine that crashes. It keeps its promise as
 * long as it lives; its next process knows nothing of the locks that the last one granted. Beside it the one that keeps them on its disk.
 */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import {
  createMutex,
  createNetwork,
  isCallLost,
  type NodeContext,
  type NodeProgram,
} from 'dryrunner/cluster';

/** What clients call. */
interface Locks {
  acquire(lock: string, client: string): boolean | Promise<boolean>;
  release(lock: string, client: string): void | Promise<void>;
}

/** Grants each lock to one client at a time. It knows nothing of networks. */
export class LockServer implements Locks {
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

/** The same, which answers once its disk knows what it says. */
export async function durableLockServer({ disk, world }: NodeContext): Promise<Locks> {
  const saved = (await disk.list()).includes('holders') ? await disk.readText('holders') : '[]';
  const holders = new Map(JSON.parse(saved) as [lock: string, client: string][]);
  const mutex = createMutex(world, { name: 'holders' });
  const save = async (): Promise<void> => {
    await disk.write('holders.new', JSON.stringify([...holders]));
    await disk.sync('holders.new');
    await disk.rename('holders.new', 'holders');
    await disk.sync('holders');
  };
  return {
    acquire: (lock, client) =>
      mutex.run(async () => {
        const holder = holders.get(lock) ?? client;
        if (holder !== client) return false;
        holders.set(lock, client);
        await save();
        return true;
      }),
    release: (lock, client) =>
      mutex.run(async () => {
        if (holders.get(lock) !== client) return;
        holders.delete(lock);
        await save();
      }),
  };
}

/** Two clients deploy twice each, under one lock. */
async function deployTwice(sim: Simulation, server: NodeProgram<Locks>): Promise<void> {
  const net = createNetwork(sim, { latencyMs: [1, 20], faults: { lose: true } });
  net.node('locks', server, { faults: { crash: 16 } });

  const deploying = new Set<string>();
  sim.always('one client deploys', () => deploying.size <= 1);

  for (const name of ['ann', 'ben']) {
    net.node(name, async ({ connect, sleep }) => {
      const locks = connect<Locks>('locks', { timeoutMs: 100 });
      for (let left = 2; left > 0;) {
        try {
          if (await locks.acquire('deploy', name)) {
            deploying.add(name);
            await sleep(50);
            deploying.delete(name);
            left -= 1;
            await locks.release('deploy', name);
          }
        } catch (error) {
          if (!isCallLost(error)) throw error;
        }
        await sleep(10);
      }
    });
  }
  await sim.sleep(2_000);
}

export const lockServer: ScenarioDefinition = defineScenario<unknown>({
  name: 'lock-server',
  description: 'two clients deploy under one lock, on a server that keeps it in memory and can crash',
  run: (sim) => deployTwice(sim, () => new LockServer()),
});

export const durableLocks: ScenarioDefinition = defineScenario<unknown>({
  name: 'durable-lock-server',
  description: 'two clients deploy under one lock, on a server that keeps it on its disk and can crash',
  run: (sim) => deployTwice(sim, durableLockServer),
});
