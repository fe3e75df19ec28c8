/**
 * The entry point `dryrunner/explore`: strategies, exploration, shrinking and explanation over the decision log. Names
 * only, no code.
 *
 * @module dryrunner/explore
 */
export { type CampaignOptions, runCampaign } from './campaign.ts';
export {
  type AuditDifference,
  type AuditReport,
  type CampaignEvent,
  type CampaignReport,
  type CorpusEntry,
  mergeCampaignReports,
} from './campaign-report.ts';
export {
  type Certificate,
  type LimitingBound,
  type SearchBounds,
  type SearchStop,
  type StateReport,
  formatCertificate,
} from './exhaustive/certificate.ts';
export { type CertifyOptions, certify } from './exhaustive/certify.ts';
export { type Coverage, createCoverage } from './coverage.ts';
export { type ExhaustiveStrategy, exhaustiveStrategy } from './exhaustive/exhaustive-strategy.ts';
export { type ExecutionRequest, type Executor, createExecutor } from './executor.ts';
export {
  type CoverageMeter,
  type ExplorationSummary,
  type ExploreOptions,
  type StopCause,
  explore,
} from './explorer.ts';
export { type ExplanationLine, type ExplanationRole, formatExplanation } from './explain/explanation-text.ts';
export { type ExplainOptions, type Explanation, explain, type NearestSearch } from './explain/explanation.ts';
export type { FailureDetail } from './explain/failure-details.ts';
export { type CutShort, type FailingExecution, type ShrunkExecution } from './failing-execution.ts';
export { failureKey } from './failure-key.ts';
export { type HistoryLine } from './explain/failure-history.ts';
export { type KeyedDecision } from './keyed-log.ts';
export { mutationStrategy } from './strategies/mutation-strategy.ts';
export { type PctOptions, pctStrategy } from './strategies/pct-strategy.ts';
export { portfolioStrategy } from './strategies/portfolio.ts';
export { posStrategy } from './strategies/pos-strategy.ts';
export { randomStrategy } from './strategies/random-strategy.ts';
export {
  type ReplayCheckOptions,
  type ReplayGap,
  type ReplayQuestion,
  type ReplayReport,
  checkReplay,
} from './replay-check.ts';
export { type NearestPass } from './explain/nearest-history.ts';
export { type FailingValue, type ValueOutcomes } from './explain/value-outcomes.ts';
export { plainStrategy, type ReplayOptions, replayStrategy } from './strategies/replay-strategy.ts';
export { type ReplayToken, decodeToken, encodeToken } from './replay-token.ts';
export { type ShrunkLog } from './shrink/shrink-memory.ts';
export { type ShrinkEnd, type ShrinkOptions, type ShrinkResult, shrink } from './shrink/shrinker.ts';
export { type SourcePlace } from './explain/source-place.ts';
export { type Execution, type Strategy } from './strategies/strategy.ts';
export { type StrategyOptions, createStrategy } from './strategies/create-strategy.ts';
export { type StrategyName, strategyNames } from './strategies/strategy-names.ts';
export { stratifiedStrategy } from './strategies/stratified-strategy.ts';
export { swarmStrategy } from './strategies/swarm-strategy.ts';
export { type SweepOptions, sweepStrategy } from './strategies/sweep-strategy.ts';
export { type Timeline, recordTimeline } from './timeline/timeline.ts';
export { type TimelineEvent } from './timeline/timeline-lanes.ts';
export { walkStrategy } from './strategies/walk-strategy.ts';
export { type OnState } from '../simulation/declared-state.ts';
export { type AskedFault, type DescribeAnswer } from '../kernel/decisions.ts';
