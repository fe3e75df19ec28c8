/**
 * The entry point `dryrunner/check`: fast-check over simulations. Names only, no code.
 *
 * @module dryrunner/check
 */
export {
  commandArbitrary,
  simScriptArbitrary,
  type CommandConstraints,
  type SimScriptConstraints,
} from './sim-script-arbitrary.ts';
export { faultPlanArbitrary, type FaultPlanConstraints } from './fault-plan-arbitrary.ts';
export { NeverReachedError } from './required-reach.ts';
export { type RunnerCommand, type CommandedRunner, type TranslatedCommand } from './runner-command.ts';
export { shellCommand } from './shell-command.ts';
export { runnerCommandArbitraries, type RunnerCommandConstraints } from './runner-commands.ts';
export { ContractBrokenError } from '../oracles/contract-broken-error.ts';
export { RunnerModel, type ModelRun, type NaturalEnd } from './runner-model.ts';
export {
  assertRunnerProperty,
  runnerProperty,
  type RunnerProperty,
  type RunnerPropertyOptions,
} from './runner-property.ts';
export { simulationProperty, type SimulationPropertyOptions } from './simulation-property.ts';
