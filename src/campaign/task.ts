/** What a thread that explores is given to do, and what it tells. Invariant: plain data, as it goes from thread to thread. */
import type { CampaignEvent, CampaignReport, CorpusEntry } from '../explore/campaign-report.ts';
import type { Certificate, SearchBounds } from '../explore/exhaustive/certificate.ts';
import type { Escape } from '../explore/escape.ts';
import type { Explanation } from '../explore/explain/explanation.ts';
import type { History } from '../explore/explain/failure-history.ts';
import type { ReplayToken } from '../explore/replay-token.ts';
import type { ShrinkEnd } from '../explore/shrink/shrinker.ts';
import type { Timeline } from '../explore/timeline/timeline.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { FailureKind } from '../simulation/verdict.ts';

/** A campaign on one shard. */
export interface CampaignTask {
  readonly kind: 'campaign';
  /** The scenario as it is named on a command line. */
  readonly scenario: string;
  readonly strategy: string;
  readonly seed: string;
  /** Of an exhaustive search. */
  readonly bounds: SearchBounds;
  readonly firstIndex: number;
  readonly shards: number;
  /** Executions at most; absent for unlimited. */
  readonly maxExecutions?: number;
  readonly goOn: boolean;
  /** Watches what executions reach for outside of their simulation. */
  readonly strict: boolean;
  readonly auditEvery: number;
  readonly corpus: readonly CorpusEntry[];
  readonly memory: SharedArrayBuffer;
}

/** A failure that is to be made small. */
export interface ShrinkTask {
  readonly kind: 'shrink';
  readonly scenario: string;
  /** Key of the failure; see `failureKey`. */
  readonly key: string;
  readonly decisions: readonly Decision[];
  /** Executions at most; 0 to have it explained as it is. */
  readonly maxExecutions: number;
  /** Events after which each is given up, for a failure that is one of these. */
  readonly maxEvents?: number;
  /** Seed of `world.random`; absent for an exploration. */
  readonly seed?: string;
  /** Real time for making it small, in milliseconds, from when the scenario is loaded. */
  readonly timeMs: number;
  /** Real time for the search of the nearest passing execution; it is not taken from the other. */
  readonly explainMs: number;
  readonly memory: SharedArrayBuffer;
}

/** An execution that is to be run once: that of a log, or that which a seed decides. */
export interface ReplayTask {
  readonly kind: 'replay';
  readonly scenario: string;
  /** Absent if the seed decides. */
  readonly log?: ReplayToken | readonly Decision[];
  /** Seed of `world.random`, and of the decisions if there is no log; absent for an exploration. */
  readonly seed?: string;
  /** Events after which it is given up, as the file that keeps the log says; a token knows its own. */
  readonly maxEvents?: number;
  /** What a log must come to; undefined if nobody knows, and for a token. */
  readonly failureKey?: string | undefined;
  /** What comes after the first entry that does not fit. */
  readonly onGap: 'keyed' | 'random';
  /** Explains a failure, or what happens now where the log does not fit, after that has been told. */
  readonly explains: boolean;
  /** Also gives its timeline, or that of its beginning; default false. */
  readonly drawsTimeline?: boolean;
  readonly memory: SharedArrayBuffer;
}

/** Anything that a thread can be given to do. */
export type ExploreTask = CampaignTask | ShrinkTask | ReplayTask;

/** A failing execution on the way to the smallest. */
export interface SmallerFailure {
  readonly decisions: readonly Decision[];
  readonly firedEvents: number;
  readonly traceHash: string;
  readonly message: string;
  readonly atMs: number;
  readonly details: readonly string[];
  /** Executions until then. */
  readonly executions: number;
}

/** A failure that is as small as it got. */
export interface ShrunkFailure extends SmallerFailure {
  readonly stoppedBy: ShrinkEnd;
  /** How executions of the same decisions differ, if they do: then it is not made smaller. */
  readonly flakiness?: string;
  /** There was no time to run it to its end: only the beginning of it is known to go on and on. */
  readonly wasBegunOnly?: boolean;
  /** Absent if it is flaky, does not repeat, or was cut short before there was any. */
  readonly explanation?: Explanation;
  readonly cutShort?: CutShort;
}

/** What kept a failure from being explained as far as it could be. */
export type CutShort =
  /** The time for explaining ran out. */
  | { readonly by: 'time'; readonly timeMs: number }
  /** It has more events than can be watched; what goes on and on is explained by as many. */
  | { readonly by: 'events'; readonly eventsMax: number };

/** What came of a replay. */
export interface ReplayOutcome {
  readonly isReproduced: boolean;
  /** False if other events led to the failure that was expected. */
  readonly isSameTrace: boolean;
  /** Where the log first does not fit, in one sentence; or all decisions fit, and what came of them does not. */
  readonly gap?: { readonly text: string; readonly isOfDecision: boolean };
  /** It went on by chance where the log did not fit. */
  readonly wentOn: boolean;
  /** Absent if it held. */
  readonly failure?: SmallerFailure & { readonly kind: FailureKind; readonly rule?: string };
  readonly traceHash: string;
  readonly firedEvents: number;
  readonly virtualMs: number;
  readonly decisions: number;
}

/** Sent after the outcome of a replay, if there is time. */
export interface ReplayStory {
  /** Of a failure; absent if it does not repeat, or was cut short before there was any. */
  readonly explanation?: Explanation;
  readonly cutShort?: CutShort;
  /** Of an execution that holds where a log does not fit: what happens now. */
  readonly history?: History;
}

/** What a thread tells. */
export type ExploreMessage =
  /** The scenario is loaded: the work begins. */
  | { readonly type: 'ready' }
  /** The scenario does not load; the message is for people. */
  | { readonly type: 'refused'; readonly message: string }
  /** Each log of the corpus was run. */
  | { readonly type: 'corpus-tried' }
  | { readonly type: 'event'; readonly event: CampaignEvent }
  /** `features`: what was reached, as a coverage map gives it. */
  | {
      readonly type: 'report';
      readonly report: CampaignReport;
      readonly features: Uint8Array;
      /** Present if the campaign is strict. */
      readonly escapes?: readonly Escape[];
      /** What an exhaustive search can vouch for. */
      readonly certificate?: Certificate;
    }
  | { readonly type: 'smaller'; readonly failure: SmallerFailure }
  | { readonly type: 'replayed'; readonly outcome: ReplayOutcome }
  | { readonly type: 'timeline'; readonly timeline: Timeline }
  | { readonly type: 'story'; readonly story: ReplayStory }
  | { readonly type: 'shrunk'; readonly failure: ShrunkFailure }
  /** The last word of a thread that did what it was given. */
  | { readonly type: 'done' };

/** What a thread posts: a scenario may post messages of its own, which are none of ours. */
export interface ExploreEnvelope {
  readonly exploreMessage: ExploreMessage;
}

/** Our message in what a thread has posted, if there is one. */
export function messageIn(posted: unknown): ExploreMessage | undefined {
  return (posted as Partial<ExploreEnvelope> | null | undefined)?.exploreMessage;
}
