/**
 * `process.nextTick` and `queueMicrotask` as one simulation finds them. A package may have wrapped them for good before,
 * and code may replace them while it runs; invariant: what the simulation found is there again after its end, unless
 * code has put back the stand-in itself or has made the property unchangeable.
 */
import { isIn, type StandIn, standIns } from './stand-in.ts';
import { keepTicksCounted } from './timers.ts';

type QueueFunction = Pick<StandIn, 'name' | 'owner' | 'key'>;

const FUNCTIONS: readonly QueueFunction[] = [
  { name: 'process.nextTick', owner: process, key: 'nextTick' },
  { name: 'queueMicrotask', owner: globalThis, key: 'queueMicrotask' },
];

/** See above; made when the simulation begins. */
export class QueueFunctions {
  readonly #found = FUNCTIONS.map(({ owner, key }) => Object.getOwnPropertyDescriptor(owner, key));

  /** The name of one that was replaced meanwhile; undefined if there is none. */
  replaced(): string | undefined {
    // Vitest may have put back the original.
    keepTicksCounted();
    return FUNCTIONS.find((_, at) => this.#isReplaced(at))?.name;
  }

  restore(): void {
    for (const [at, { owner, key }] of FUNCTIONS.entries()) {
      if (!this.#isReplaced(at)) continue;
      const found = this.#found[at];
      if (found === undefined) Reflect.deleteProperty(owner, key);
      else Reflect.defineProperty(owner, key, found);
    }
  }

  #isReplaced(at: number): boolean {
    const { name, owner, key } = FUNCTIONS[at] as QueueFunction;
    if (isIn(owner, { key, now: this.#found[at] })) return false;
    const standIn = standIns.find((one) => one.name === name);
    return standIn === undefined || !isIn(owner, standIn);
  }
}
