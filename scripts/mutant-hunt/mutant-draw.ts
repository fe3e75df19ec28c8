// Draws mutants by a seed. Invariants: each folder has its share of those that are kept, by the number of its mutants, and at least one;
// which ones are kept depends on the seed and on which the unit tests kill, never on what is ready first.
import { drawSample } from '../zoo/sample.ts';
import { HUNTED, type Mutant } from './mutant.ts';

interface Folder {
  readonly name: string;
  readonly quota: number;
  /** In the order of the draw. */
  readonly mutants: readonly Mutant[];
  next: number;
  /** Drawn, and not found to survive. */
  held: number;
}

/** How many of `count` each folder gets: the largest remainders, and none is left out. */
export function quotas(sizes: ReadonlyMap<string, number>, count: number): Map<string, number> {
  const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const shares = [...sizes].map(([name, size]) => ({ name, size, share: (count * size) / all }));
  const given = new Map(
    shares.map(({ name, size, share }) => [name, Math.min(size, Math.max(1, Math.floor(share)))]),
  );
  const total = (): number => [...given.values()].reduce((sum, n) => sum + n, 0);
  const lacking = ({ name, share }: (typeof shares)[number]): number => share - (given.get(name) ?? 0);
  while (total() !== Math.min(count, all)) {
    const tooFew = total() < count;
    const open = shares.filter(({ name, size }) =>
      tooFew ? (given.get(name) ?? 0) < size : (given.get(name) ?? 0) > 1,
    );
    if (open.length === 0) break;
    const [first] = open.sort((a, b) => (tooFew ? lacking(b) - lacking(a) : lacking(a) - lacking(b)));
    const { name } = first as (typeof shares)[number];
    given.set(name, (given.get(name) ?? 0) + (tooFew ? 1 : -1));
  }
  return given;
}

/** A draw of mutants. */
export class MutantDraw {
  readonly #folders: Folder[];

  constructor(mutants: readonly Mutant[], count: number, seed: string) {
    const owned = Object.keys(HUNTED)
      .map((name) => ({ name, own: mutants.filter(({ folder }) => folder === name) }))
      .filter(({ own }) => own.length > 0);
    const given = quotas(new Map(owned.map(({ name, own }) => [name, own.length])), count);
    this.#folders = owned.map(({ name, own }) => {
      const drawn = drawSample(own, own.length, `${seed} ${name}`);
      return { name, quota: given.get(name) ?? 0, mutants: drawn, next: 0, held: 0 };
    });
  }

  /** How many are to be kept. */
  get count(): number {
    return this.#folders.reduce((sum, { quota }) => sum + quota, 0);
  }

  /** The next one to try, from the folder that is furthest behind; undefined while all that are wanted are tried or kept. */
  next(): Mutant | undefined {
    const open = this.#folders.filter(
      ({ held, quota, next, mutants }) => held < quota && next < mutants.length,
    );
    const [first] = open.sort((a, b) => a.held / a.quota - b.held / b.quota);
    if (first === undefined) return undefined;
    first.held += 1;
    first.next += 1;
    return first.mutants[first.next - 1];
  }

  /** One that was drawn survives the unit tests, so that its folder draws another. */
  replace({ folder }: Mutant): void {
    const found = this.#folders.find(({ name }) => name === folder);
    if (found !== undefined) found.held -= 1;
  }
}
