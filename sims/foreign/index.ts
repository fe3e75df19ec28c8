/** All scenarios over foreign packages. */
import * as caches from './caches.ts';
import * as crons from './crons.ts';
import * as debounces from './debounces.ts';
import * as pools from './pools.ts';
import type { ForeignScenario } from './promised.ts';
import * as queues from './queues.ts';
import * as rates from './rates.ts';
import * as retries from './retries.ts';

export const foreignScenarios: readonly ForeignScenario[] = [
  queues,
  rates,
  retries,
  debounces,
  crons,
  pools,
  caches,
].flatMap((module) => Object.values(module));
