/** The door `dryrunner/explore`: strategies, exploration, shrinking and explanation over the decision log. Names only, no code. */
export { type ExecutionRequest, type Executor, createExecutor } from './executor.ts';
export {
  type CoverageMeter,
  type ExplorationSummary,
  type ExploreOptions,
  type StopCause,
  explore,
} from './explorer.ts';
export { failureKey } from './failure-key.ts';
export { randomStrategy } from './random-strategy.ts';
export { type Execution, type Strategy } from './strategy.ts';
