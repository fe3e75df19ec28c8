/** Options and parts of a queue; all runners with a queue share these options. */
import * as is from '../../kernel/shape.ts';
import type { IsolatedPart } from '../../model/isolation.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import type { Performer } from './performer.ts';
import type { RunnerInstruments } from './runner-instruments.ts';

/** Options of a queue. */
export interface QueueOptions {
  /** Maximum number of runs in the runner: the active one, and those that wait for it; 0 means 1 (R58, R59). Default 1. */
  readonly capacity?: number | undefined;
  /** Number of runs that the store remembers, 0 for all (R47). Default 1 for capacity 1, else 0. */
  readonly history?: number | undefined;
  /**
   * Prefix of run numbers, so that ids of two incarnations of one runner differ (R45). Let it end in something other
   * than a digit: run 10 of `n1` and run 0 of `n11` have the same id. Default: none.
   */
  readonly idPrefix?: string | undefined;
  /**
   * Time limit of an update in milliseconds: a longer one is abandoned and shown in the service status (R80). 0
   * (default) means no limit.
   */
  readonly updateLimitMs?: number | undefined;
}

/** Options of a queue without filers, which is never updated. */
export type QueueOptionsWithoutFilers = Omit<QueueOptions, 'updateLimitMs'>;

/** Argument shapes of {@link QueueOptionsWithoutFilers}. */
export const FIELDS_WITHOUT_FILERS: is.ShapesOf<QueueOptionsWithoutFilers> = {
  capacity: is.COUNT,
  history: is.COUNT,
  idPrefix: is.TEXT,
};

/** Argument shapes of {@link QueueOptions}. */
export const QUEUE_FIELDS: is.ShapesOf<QueueOptions> = {
  ...FIELDS_WITHOUT_FILERS,
  updateLimitMs: is.limit(),
};

/** Options and collaborators of a queue. */
export interface QueueParts extends QueueOptions {
  readonly name: string;
  readonly performer: Performer;
  readonly filers: RunTypeMap;
  readonly instruments: RunnerInstruments;
  /** The runner's isolated part in an exploration, if it shares nothing and the world isolates. */
  readonly part?: IsolatedPart | undefined;
}
