/** What a thread that explores is given to do, and what it tells. Invariant: plain data, as it goes from thread to thread. */
import type { CampaignEvent, CampaignReport, CorpusEntry } from '../explore/campaign-report.ts';

/** A campaign on one shard. */
export interface CampaignTask {
  readonly kind: 'campaign';
  /** The scenario as it is named on a command line. */
  readonly scenario: string;
  readonly strategy: string;
  readonly seed: string;
  readonly firstIndex: number;
  readonly shards: number;
  /** Executions at most; absent for unlimited. */
  readonly maxExecutions?: number;
  readonly goOn: boolean;
  readonly auditEvery: number;
  readonly corpus: readonly CorpusEntry[];
  readonly memory: SharedArrayBuffer;
}

/** Anything that a thread can be given to do. */
export type ExploreTask = CampaignTask;

/** What a thread tells. */
export type ExploreMessage =
  /** The scenario is loaded: the work begins. */
  | { readonly type: 'ready' }
  /** The scenario does not load; the message is for people. */
  | { readonly type: 'refused'; readonly message: string }
  /** Each log of the corpus was run. */
  | { readonly type: 'corpus-tried' }
  | { readonly type: 'event'; readonly event: CampaignEvent }
  | { readonly type: 'report'; readonly report: CampaignReport }
  /** The last word of a thread that did what it was given. */
  | { readonly type: 'done' };
