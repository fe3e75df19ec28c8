/** What a thread that explores is given to do, and what comes of it. Invariant: plain data, as it goes from thread to thread. */
import type { CampaignEvent, CampaignReport, CorpusEntry } from '../explore/campaign-report.ts';
import type { Certificate, SearchBounds } from '../explore/exhaustive/certificate.ts';
import type { Escape } from '../explore/escape.ts';
import type { History } from '../explore/explain/failure-history.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import type { ReplayToken } from '../explore/replay-token.ts';
import type { Timeline } from '../explore/timeline/timeline.ts';
import type { Decision } from '../kernel/decisions.ts';
import { Question, questionData, questionFrom, type QuestionData } from '../kernel/question.ts';
import type { ExecutionRecord } from './execution-record.ts';

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
  /** Goes on after the first failure. */
  readonly goOn: boolean;
  /** Watches what executions reach for outside of their simulation; takes about twice the time. */
  readonly strict: boolean;
  /** One execution of so many is run twice; 0 for none. */
  readonly auditEvery?: number;
  /** Tried before anything else. */
  readonly corpus: readonly CorpusEntry[];
}

/** What came of a campaign. */
export interface CampaignResult {
  readonly report: CampaignReport;
  /** What was reached, as a coverage map gives it. */
  readonly features: Uint8Array;
  /** Present if the campaign is strict. */
  readonly escapes?: readonly Escape[];
  /** What an exhaustive search can vouch for. */
  readonly certificate?: Certificate;
}

/** A failure that is to be made small and explained. */
export interface SettleTask {
  readonly kind: 'settle';
  readonly failing: FailingExecution;
  /** Executions for making it small at most; 0 to have it explained as it is. */
  readonly maxExecutions?: number;
  /** Real time for making it small, in milliseconds, from when the scenario is loaded. */
  readonly shrinkMs: number;
  /** Real time for the search of the nearest passing execution; it is not taken from the other. */
  readonly explainMs: number;
}

/** What became of a failure. The best so far is sent with each step, so that it is not lost with the thread. */
export type SettleResult = Pick<FailingExecution, 'shrunk' | 'explanation' | 'cutShort'>;

/** An execution that is to be run once: that of a log, or that which a seed decides. */
export interface ReplayTask {
  readonly kind: 'replay';
  readonly scenario: string;
  /** Absent if the seed decides. */
  readonly log?: ReplayToken | readonly Decision[] | undefined;
  /** Seed of `world.random`, and of the decisions if there is no log; absent for an exploration. */
  readonly seed?: string | undefined;
  /** Events after which it is given up, as the file that keeps the log says; a token knows its own. */
  readonly maxEvents?: number | undefined;
  /** What a log must come to; undefined if nobody knows, and for a token. */
  readonly failureKey?: string | undefined;
  /** What comes after the first entry that does not fit. */
  readonly onGap: 'keyed' | 'random';
  /** Explains a failure, or what happens now where the log does not fit, after that has been sent. */
  readonly explains: boolean;
  /** Also gives its timeline, or that of its beginning; default false. */
  readonly drawsTimeline?: boolean;
  /** Also gives what a trace is made of; default false. */
  readonly keepsTrace?: boolean;
}

/** The key of the failure that a replay must come to, if it is known. */
export function expectedKey({ log, failureKey }: Pick<ReplayTask, 'log' | 'failureKey'>): string | undefined {
  return log !== undefined && 'failureKey' in log ? log.failureKey : failureKey;
}

/** Events after which a replay is given up, if a token or a file says so. */
export function boundOf({ log, maxEvents }: Pick<ReplayTask, 'log' | 'maxEvents'>): number | undefined {
  return log !== undefined && 'maxEvents' in log ? log.maxEvents : maxEvents;
}

/** What came of a replay. The outcome is sent before anything else is tried, so that it is known whatever becomes of the explanation. */
export interface ReplayResult extends Pick<FailingExecution, 'explanation' | 'cutShort'> {
  readonly outcome: ReplayOutcome;
  /** Absent if nobody asked for it; of many events only the beginning, which `otherData.shown` says. */
  readonly timeline?: Timeline;
  /** Absent if nobody asked for it. */
  readonly record?: ExecutionRecord;
  /** Of an execution that holds where a log does not fit: what happens now. */
  readonly history?: History;
}

/** How an execution went that was run again. */
export interface ReplayOutcome {
  readonly isReproduced: boolean;
  /** False if other events led to the failure that was expected. */
  readonly isSameTrace: boolean;
  /** Where the log first does not fit, in one sentence; or every decision fits, and something else, or nothing, fails. */
  readonly gap?: { readonly text: string; readonly isOfDecision: boolean };
  /** It went on by chance where the log did not fit. */
  readonly wentOn: boolean;
  /** Absent if it held. */
  readonly failing?: FailingExecution;
  readonly traceHash: string;
  readonly firedEvents: number;
  readonly virtualMs: number;
  readonly decisions: number;
}

/** Anything that a thread can be given to do. */
export type ExploreTask = CampaignTask | SettleTask | ReplayTask;

/** What comes of a task; of a thread that is lost, the parts that it has sent. */
export type TaskResult<Task extends ExploreTask> = Partial<
  Task extends CampaignTask ? CampaignResult : Task extends SettleTask ? SettleResult : ReplayResult
>;

/** What a thread starts with. */
export interface ThreadInput {
  readonly task: ExploreTask;
  readonly memory: SharedArrayBuffer;
}

/** What a thread sends. */
export type ExploreMessage =
  /** The scenario is loaded: the work begins. */
  | { readonly type: 'ready' }
  /** The scenario does not load; the message is for people, the code is that of what was thrown. */
  | { readonly type: 'refused'; readonly message: string; readonly code?: string | undefined }
  /** Each log of the corpus was run. */
  | { readonly type: 'corpus-tried' }
  | { readonly type: 'event'; readonly event: CampaignEvent }
  /** A part of the result, as soon as it is known. */
  | { readonly type: 'part'; readonly part: TaskResult<CampaignTask> & SettleResult & TaskResult<ReplayTask> }
  /** The last word of a thread that did what it was given. */
  | { readonly type: 'done' };

/** What a thread posts: a scenario may post messages of its own, which are none of ours. */
export interface ExploreEnvelope {
  readonly exploreMessage: unknown;
}

/** Our message in what a thread has posted, if there is one. */
export function messageIn(posted: unknown): ExploreMessage | undefined {
  const { exploreMessage } = (posted as Partial<ExploreEnvelope> | null | undefined) ?? {};
  return exploreMessage === undefined ? undefined : received<ExploreMessage>(exploreMessage);
}

/** A question on its way to another thread, which would make a bare object of it. */
class PostedQuestion {
  readonly askedAs: QuestionData;

  constructor(question: Question) {
    this.askedAs = questionData(question);
  }
}

/** A task or message as it can be posted. */
export function toPost(value: unknown): unknown {
  const known = new Map<unknown, PostedQuestion>();
  return exchanged(value, (part) => {
    if (!(part instanceof Question)) return undefined;
    const posted = known.get(part) ?? new PostedQuestion(part);
    known.set(part, posted);
    return posted;
  });
}

/** A task or message as it was before {@link toPost}. */
export function received<T>(value: unknown): T {
  const known = new Map<unknown, Question>();
  return exchanged(value, (part) => {
    if (!('askedAs' in part)) return undefined;
    const question = known.get(part) ?? questionFrom((part as PostedQuestion).askedAs);
    known.set(part, question);
    return question;
  }) as T;
}

/** A copy with some of the objects in it exchanged; what is neither a plain object nor a list stays. */
function exchanged(value: unknown, exchange: (part: object) => object | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const instead = exchange(value);
  if (instead !== undefined) return instead;
  if (Array.isArray(value)) return value.map((item) => exchanged(item, exchange));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, exchanged(item, exchange)]));
}
