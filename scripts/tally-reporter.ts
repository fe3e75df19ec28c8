// Ends every test run with one plain line, `N passed, N failed`, for programs that read the output.
// A file that failed to load, or an error outside of tests, counts as one failure.
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/** Counts a finished run. */
function tally(modules: readonly TestModule[], errors: readonly SerializedError[]): string {
  let passed = 0;
  let failed = errors.length;
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      if (state === 'failed') failedHere += 1;
    }
    failed += failedHere === 0 && !module.ok() ? 1 : failedHere;
  }
  return `${passed} passed, ${failed} failed`;
}

/** The reporter that vitest.config.ts adds to the default one. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    console.log(tally(modules, errors));
  }
}
