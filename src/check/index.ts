/** The door `dryrunner/check`: fast-check over simulations. Names only, no code. */
export {
  commandArbitrary,
  simScriptArbitrary,
  type CommandConstraints,
  type SimScriptConstraints,
} from './sim-script-arbitrary.ts';
export { faultPlanArbitrary, type FaultPlanConstraints } from './fault-plan-arbitrary.ts';
export {
  runnerCommandArbitraries,
  type RunnerCommand,
  type RunnerCommandConstraints,
  type RunnerUnderTest,
} from './runner-commands.ts';
export { ContractBrokenError, RunnerModel, type ModelRun } from './runner-model.ts';
export { runnerProperty, type RunnerPropertyOptions } from './runner-property.ts';
export { simulationProperty, type SimulationPropertyOptions } from './simulation-property.ts';
