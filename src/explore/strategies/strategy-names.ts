/** The names of strategies that people type. They lie apart from the strategies, because reading a command line needs no more than names. */

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

/** A name that `createStrategy` knows. */
export type StrategyName = (typeof NAMES)[number];

/** The names that `createStrategy` knows; the default comes first. See {@link createStrategy}. */
export const strategyNames: readonly StrategyName[] = Object.freeze([...NAMES]);

/** True for one of {@link strategyNames}. */
export function isStrategyName(name: string): name is StrategyName {
  return (strategyNames as readonly string[]).includes(name);
}

/** The strategy that ends with a certificate: it is named beside the others, has no seed, and runs whole, on one thread. */
export const EXHAUSTIVE = 'exhaustive';
