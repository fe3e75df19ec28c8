/**
 * The entry point `dryrunner/vitest`: simulations and cases as tests of Vitest.
 *
 * @module dryrunner/vitest
 */
export {
  describeRunner,
  type DescribeRunnerOptions,
  type ExploredInTest,
  type ExploredRunnerOptions,
  type RunnerCase,
} from './describe-runner.ts';
export type { SimMatchers } from './matchers.ts';
export { simTest, type EachSimTest, type SimTest, type SimTestFixtures } from './sim-test.ts';
export type { SimTestOptions, TestedScenario } from './sim-test-options.ts';
