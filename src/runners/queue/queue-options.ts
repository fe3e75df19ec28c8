/** What a queue is set up with and made of; the runners that stand on one share these options. */
import * as is from '../../kernel/shape.ts';
import type { IsolatedPart } from '../../model/isolation.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import type { Performer } from './performer.ts';
import type { RunnerInstruments } from './runner-instruments.ts';

/** How a queue is set up. */
export interface QueueOptions {
  /** How many runs may be in the runner, the active one included; 0 means 1 (R58, R59). Default 1. */
  readonly capacity?: number | undefined;
  /** How many runs the store remembers, 0 for all (R47). Default 1 for capacity 1, else 0. */
  readonly history?: number | undefined;
  /** Put before the run numbers, so that ids of two incarnations of one runner differ (R45). Default none. */
  readonly idPrefix?: string | undefined;
  /** An update that takes longer is given up and shown in the service status (R80). 0 (default) means no limit. */
  readonly updateLimitMs?: number | undefined;
}

/** The shapes of {@link QueueOptions}. */
export const QUEUE_FIELDS: is.ShapesOf<QueueOptions> = {
  capacity: is.COUNT,
  history: is.COUNT,
  idPrefix: is.TEXT,
  updateLimitMs: is.limit(),
};

/** What a queue is made of. */
export interface QueueParts extends QueueOptions {
  readonly name: string;
  readonly performer: Performer;
  readonly filers: RunTypeMap;
  readonly instruments: RunnerInstruments;
  /** The part of its world that the runner is, if it shares nothing and somebody wants to know. */
  readonly part?: IsolatedPart | undefined;
}
