/** The tasks of exploring threads, and their results. Invariant: plain data, because it is posted between threads. */
import type { CampaignEvent, CampaignReport, CorpusEntry } from '../explore/campaign-report.ts';
import type { Certificate, SearchBounds } from '../explore/exhaustive/certificate.ts';
import type { Escape } from '../explore/escape.ts';
import type { History } from '../explore/explain/failure-history.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import type { KeyedDecision } from '../explore/keyed-log.ts';
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
  /** Bounds of an exhaustive search. */
  readonly bounds: SearchBounds;
  readonly firstIndex: number;
  readonly shards: number;
  /** Maximum number of executions; absent for unlimited. */
  readonly maxExecutions?: number;
  /** Whether to go on after the first failure. */
  readonly keepGoing: boolean;
  /** Whether to watch for accesses outside of the simulation; takes about twice the time. */
  readonly strict: boolean;
  /** Runs one in this many executions twice, to check for determinism; 0 for none. */
  readonly auditEvery?: number;
  /** Logs to try before anything else. */
  readonly corpus: readonly CorpusEntry[];
  /** Of each execution that ended an earlier thread of this campaign, the decisions other than 0. */
  readonly lost?: readonly (readonly KeyedDecision[])[];
}

/** The result of a campaign. */
export interface CampaignResult {
  readonly report: CampaignReport;
  /** The coverage reached, as a coverage map encodes it. */
  readonly features: Uint8Array;
  /** Present if the campaign is strict. */
  readonly escapes?: readonly Escape[];
  /** What an exhaustive search has proved. */
  readonly certificate?: Certificate;
  /** The conditions seen so far, as in the report; sent whenever one is seen anew, in case the thread is lost. */
  readonly sometimes?: CampaignReport['sometimes'];
  /** Executions of which it is not known yet whether they end, as what was cut off; sent when they change. */
  readonly undecided?: readonly FailingExecution[];
}

/** A failure to shrink and explain. */
export interface FailureTask {
  readonly kind: 'failure';
  readonly failing: FailingExecution;
  /** Maximum number of executions for shrinking; 0 to explain the failure as it is. */
  readonly maxExecutions?: number;
  /** Real time for shrinking, in milliseconds, from when the scenario is loaded. */
  readonly shrinkMs: number;
  /** Real time for finding the nearest passing execution, in milliseconds, in addition to `shrinkMs`. */
  readonly explainMs: number;
  /** Maximum number of lines of the history; default: that of `explain`. */
  readonly linesMax?: number;
}

/**
 * The result of shrinking and explaining a failure. Each step sends the best so far, so that it is not lost with the
 * thread.
 */
export type FailureResult = Pick<FailingExecution, 'shrunk' | 'explanation' | 'cutShort'>;

/** An execution to run once: that of a log, or one decided by a seed. */
export interface ReplayTask {
  readonly kind: 'replay';
  readonly scenario: string;
  /** Absent if the seed decides. */
  readonly log?: ReplayToken | readonly Decision[] | undefined;
  /** Seed of `world.random`, and of the decisions if there is no log; absent for the seed that explorations use. */
  readonly seed?: string | undefined;
  /** Maximum number of events, as recorded in the log's file; a token contains its own. */
  readonly maxEvents?: number | undefined;
  /** Key of the failure that the log must reproduce; undefined if unknown, and for a token. */
  readonly failureKey?: string | undefined;
  /** How to decide after the first entry of the log that does not fit. */
  readonly onGap: 'keyed' | 'random';
  /** Whether to explain the failure, or what happens now if the log does not fit, after the outcome has been sent. */
  readonly explains: boolean;
  /** Whether to draw the timeline, or its beginning. Default false. */
  readonly drawsTimeline?: boolean;
  /** Whether to send the record of the execution. Default false. */
  readonly keepsTrace?: boolean;
}

/** The key of the failure that a replay must reproduce, if it is known. */
export function expectedKey({ log, failureKey }: Pick<ReplayTask, 'log' | 'failureKey'>): string | undefined {
  return log !== undefined && 'failureKey' in log ? log.failureKey : failureKey;
}

/** Maximum number of events of a replay, if a token or a file gives one. */
export function boundOf({ log, maxEvents }: Pick<ReplayTask, 'log' | 'maxEvents'>): number | undefined {
  return log !== undefined && 'maxEvents' in log ? log.maxEvents : maxEvents;
}

/**
 * The result of a replay. The outcome is sent before anything else is tried, so that it is known even if the
 * explanation fails.
 */
export interface ReplayResult extends Pick<FailingExecution, 'explanation' | 'cutShort'> {
  readonly outcome: ReplayOutcome;
  /** Absent unless requested; of a long execution only the beginning, as `otherData.shown` says. */
  readonly timeline?: Timeline;
  /** Absent unless requested. */
  readonly record?: ExecutionRecord;
  /** If the execution holds although the log does not fit: what happens now. */
  readonly history?: History;
}

/** The outcome of running an execution again. */
export interface ReplayOutcome {
  readonly isReproduced: boolean;
  /** False if different events led to the expected failure. */
  readonly isSameTrace: boolean;
  /**
   * The first place where the log does not fit, in a sentence; or that every decision fits, but something else fails,
   * or nothing.
   */
  readonly gap?: { readonly text: string; readonly isOfDecision: boolean };
  /** True if the decisions after that place were taken at random. */
  readonly continuedRandomly: boolean;
  /** Absent if the execution held. */
  readonly failing?: FailingExecution;
  readonly traceHash: string;
  readonly firedEvents: number;
  readonly virtualMs: number;
  readonly decisions: number;
}

/** Any task of a thread. */
export type ExploreTask = CampaignTask | FailureTask | ReplayTask;

/** The result of a task; of a lost thread, the parts that it had sent. */
export type TaskResult<Task extends ExploreTask> = Partial<
  Task extends CampaignTask ? CampaignResult : Task extends FailureTask ? FailureResult : ReplayResult
>;

/** The input of a thread. */
export interface ThreadInput {
  readonly task: ExploreTask;
  readonly memory: SharedArrayBuffer;
}

/** The messages of a thread. */
export type ExploreMessage =
  /** The scenario is loaded, and the work starts. */
  | { readonly type: 'ready' }
  /** The scenario does not load; `message` is for people, `code` is that of the error. */
  | { readonly type: 'refused'; readonly message: string; readonly code?: string | undefined }
  /** All logs of the corpus have been run. */
  | { readonly type: 'corpus-tried' }
  | { readonly type: 'event'; readonly event: CampaignEvent }
  /** A part of the result, as soon as it is known. */
  | {
      readonly type: 'part';
      readonly part: TaskResult<CampaignTask> & FailureResult & TaskResult<ReplayTask>;
    }
  /** The last message of a thread that finished its task. */
  | { readonly type: 'done' };

/** A task or message as it is posted between threads. */
export interface Posted {
  /** A copy in which data stands for each question; cloning would turn the question itself into a bare object. */
  readonly value: unknown;
  /**
   * The very objects in `value` that stand for questions. Cloning keeps their identity, so that nothing in a scenario's
   * own data can be taken for one.
   */
  readonly questions: readonly QuestionData[];
}

/** The wrapper of our messages, which distinguishes them from those that a scenario may post itself. */
export interface ExploreEnvelope {
  readonly exploreMessage: Posted;
}

/** Our message in a posted value; undefined if it is not one of ours. */
export function messageIn(posted: unknown): ExploreMessage | undefined {
  const { exploreMessage } = (posted as Partial<ExploreEnvelope> | null | undefined) ?? {};
  return exploreMessage === undefined ? undefined : received<ExploreMessage>(exploreMessage);
}

/** Prepares a task or message for posting. */
export function toPost(value: unknown): Posted {
  const known = new Map<Question, QuestionData>();
  const plain = exchanged(value, (part) => {
    if (!(part instanceof Question)) return undefined;
    const data = known.get(part) ?? questionData(part);
    known.set(part, data);
    return data;
  });
  return { value: plain, questions: [...known.values()] };
}

/** Restores a posted task or message to what it was before {@link toPost}. */
export function received<T>({ value, questions }: Posted): T {
  const known = new Map<object, Question>(questions.map((data) => [data, questionFrom(data)]));
  return exchanged(value, (part) => known.get(part)) as T;
}

/**
 * The value with some objects in it replaced; values other than plain objects and arrays stay. An object in which
 * nothing is replaced is not copied: a log has a million of them.
 */
function exchanged(value: unknown, exchange: (part: object) => object | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const instead = exchange(value);
  if (instead !== undefined) return instead;
  if (Array.isArray(value)) return value.map((item) => exchanged(item, exchange));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const whole = value as Readonly<Record<string, unknown>>;
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(whole)) {
    const item = exchanged(whole[key], exchange);
    if (item === whole[key]) continue;
    copy ??= { ...whole };
    copy[key] = item;
  }
  return copy ?? value;
}
