// Ends every test run with one plain line, `N passed, N failed`, for programs that read the output.
// A file that failed to load, or an error outside of tests, counts as one failure.
// Names the files that are still running when none has finished for a while: a test in an endless loop never reaches its time limit.
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

/** Longer than the time limit of a test, which ends all that hang in other ways. */
const SILENT_MINUTES = 15;

/** The reporter that vitest.config.ts adds to the default one. */
export default class TallyReporter implements Reporter {
  readonly #running = new Set<string>();
  #silence: NodeJS.Timeout | undefined;

  onTestModuleStart({ relativeModuleId }: TestModule): void {
    this.#running.add(relativeModuleId);
    this.#listen();
  }

  onTestModuleEnd({ relativeModuleId }: TestModule): void {
    this.#running.delete(relativeModuleId);
    this.#listen();
  }

  #listen(): void {
    clearInterval(this.#silence);
    this.#silence = setInterval(() => {
      console.log(
        `no test file has finished for ${SILENT_MINUTES} minutes; still running: ${[...this.#running].join(', ')}`,
      );
    }, SILENT_MINUTES * 60_000).unref();
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    clearInterval(this.#silence);
    console.log(tally(modules, errors));
  }
}
