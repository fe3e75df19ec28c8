/** Names of strategies, as typed. Separate from the strategies, because parsing a command line needs only the names. */

const NAMES = [
  'portfolio',
  'plain',
  'random',
  'stratified',
  'swarm',
  'pct',
  'pos',
  'walk',
  'sweep',
  'mutation',
] as const;

/** A name accepted by `createStrategy`. */
export type StrategyName = (typeof NAMES)[number];

/** The names accepted by `createStrategy`; the default comes first. See {@link createStrategy}. */
export const strategyNames: readonly StrategyName[] = Object.freeze([...NAMES]);

/** True for one of {@link strategyNames}. */
export function isStrategyName(name: string): name is StrategyName {
  return (strategyNames as readonly string[]).includes(name);
}

/** The strategy that ends with a certificate. It has no seed, cannot be sharded, and runs on one thread. */
export const EXHAUSTIVE = 'exhaustive';

/** True if a campaign of this strategy can continue in another process, which knows only the next index. */
export function isResumable(name: string): boolean {
  return name !== EXHAUSTIVE && name !== 'sweep';
}
