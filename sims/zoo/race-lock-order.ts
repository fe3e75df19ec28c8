/** Three transfers, each between two of three accounts that it locks one after the other: the lesser name first, so that none waits for ever. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { turn } from './turns.ts';

const TRANSFERS: readonly (readonly [string, string])[] = [
  ['a', 'b'],
  ['b', 'c'],
  ['c', 'a'],
];
/** What each transfer looks up before it begins. */
const LOOKUPS = 3;

/** Locks that are handed over in the order in which they are asked for. */
class Locks {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves with what frees it. */
  async take(account: string): Promise<() => void> {
    const before = this.#last.get(account);
    let free = (): void => undefined;
    const isFree = new Promise<void>((resolve) => {
      free = resolve;
    });
    this.#last.set(account, isFree);
    await before;
    return free;
  }
}

export const lockOrder: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-race-lock-order',
  description:
    'three transfers at once, each between two of three accounts that it locks one after the other, the lesser name first: all of them end',
  async run(sim) {
    const locks = new Locks();
    await Promise.all(TRANSFERS.map((accounts) => transfer(sim, locks, accounts)));
  },
});

async function transfer(sim: Simulation, locks: Locks, accounts: readonly [string, string]): Promise<void> {
  const name = `transfer ${accounts.join(' to ')}`;
  for (let lookup = 0; lookup < LOOKUPS; lookup += 1) {
    await turn(sim, { owner: name, what: 'makes lookup', subject: String(lookup) });
  }
  const held: (() => void)[] = [];
  for (const account of [...accounts].sort()) {
    await turn(sim, { owner: name, what: 'asks for', subject: String(account) });
    sim.note(`${name} waits for the lock of ${account}`);
    held.push(await locks.take(account));
    sim.note(`${name} has the lock of ${account}`);
  }
  await turn(sim, { subject: name, what: 'moves the money' });
  for (const free of held) free();
}
