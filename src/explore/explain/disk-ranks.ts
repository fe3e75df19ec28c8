/** Ranks events of files: losses first, then files that the failure names, and what led to a loss. */
import type { DiskEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { FileLosses, isLoss } from './file-losses.ts';
import { RANK, type Rank } from './history-candidate.ts';
import type { ObservedRun } from './observed-run.ts';

/** Ranks the disk events of one execution. */
export class DiskRanks {
  readonly #losses: FileLosses;
  readonly #words: ReadonlySet<string>;
  readonly #beforeCrash: ReadonlySet<TraceEvent>;

  /** `words` may be names in the failure. */
  constructor(
    events: ObservedRun['events'],
    words: ReadonlySet<string>,
    beforeCrash: ReadonlySet<TraceEvent>,
  ) {
    this.#losses = new FileLosses(events);
    this.#words = words;
    this.#beforeCrash = beforeCrash;
  }

  rankOf(event: DiskEvent): Rank {
    if (isLoss(event)) return RANK.decided;
    // Without these, a reader does not see which content was read.
    if (this.#losses.isStruck(event) || this.#losses.shows(event)) return RANK.struck;
    if (this.#words.has(event.file) || this.#losses.leadsTo(event)) return RANK.namedPart;
    return this.#beforeCrash.has(event) ? RANK.context : RANK.routine;
  }
}
