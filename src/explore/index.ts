/** The door `dryrunner/explore`: strategies, exploration, shrinking and explanation over the decision log. Names only, no code. */
export { type CampaignOptions, runCampaign } from './campaign.ts';
export {
  type AuditDifference,
  type AuditReport,
  type CampaignEvent,
  type CampaignFailure,
  type CampaignFailureKind,
  type CampaignReport,
  type CorpusEntry,
  type CutOffExecution,
  mergeCampaignReports,
} from './campaign-report.ts';
export {
  type Certificate,
  type LimitingBound,
  type SearchBounds,
  type SearchStop,
  type StateReport,
  formatCertificate,
} from './certificate.ts';
export { type CertifyOptions, certify } from './certify.ts';
export { type Coverage, createCoverage } from './coverage.ts';
export { type ExhaustiveStrategy, exhaustiveStrategy } from './exhaustive-strategy.ts';
export { type ExecutionRequest, type Executor, createExecutor } from './executor.ts';
export {
  type CoverageMeter,
  type ExplorationSummary,
  type ExploreOptions,
  type StopCause,
  explore,
} from './explorer.ts';
export { type ExplanationLine, type ExplanationRole, formatExplanation } from './explanation-text.ts';
export { type ExplainOptions, type Explanation, type FailureDetail, explain } from './explanation.ts';
export { failureKey } from './failure-key.ts';
export { type HistoryLine } from './history.ts';
export { type KeyedDecision } from './keyed-log.ts';
export { mutationStrategy } from './mutation-strategy.ts';
export { type PctOptions, pctStrategy } from './pct-strategy.ts';
export { plainStrategy } from './plain-strategy.ts';
export { portfolioStrategy } from './portfolio.ts';
export { posStrategy } from './pos-strategy.ts';
export { randomStrategy } from './random-strategy.ts';
export {
  type ReplayCheckOptions,
  type ReplayGap,
  type ReplayQuestion,
  type ReplayReport,
  checkReplay,
} from './replay-check.ts';
export { type NearestPass } from './nearest-history.ts';
export { type ReplayOptions, replayStrategy } from './replay-strategy.ts';
export { type ReplayToken, decodeToken, encodeToken } from './replay-token.ts';
export { type ShrunkLog } from './shrink-memory.ts';
export { type ShrinkEnd, type ShrinkOptions, type ShrinkResult, shrink } from './shrinker.ts';
export { type SourcePlace } from './source-place.ts';
export { type Execution, type Strategy } from './strategy.ts';
export { type StrategyOptions, createStrategy, strategyNames } from './strategy-names.ts';
export { stratifiedStrategy } from './stratified-strategy.ts';
export { swarmStrategy } from './swarm-strategy.ts';
export { type SweepOptions, sweepStrategy } from './sweep-strategy.ts';
export { type Timeline, recordTimeline } from './timeline.ts';
export { type TimelineEvent } from './timeline-lanes.ts';
export { walkStrategy } from './walk-strategy.ts';
