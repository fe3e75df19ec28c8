/**
 * The door `dryrunner/vitest`: simulations and cases as tests of Vitest.
 *
 * @module dryrunner/vitest
 */
export { describeRunner, type DescribeRunnerOptions, type RunnerCase } from './describe-runner.ts';
export { simTest, type SimTest, type SimTestOptions, type TestedScenario } from './sim-test.ts';
