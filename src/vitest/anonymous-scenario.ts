/** Keeps the engine from making up names for the scenarios of tests, which failures would show. */

/**
 * Gives a function without a name an empty one of its own. Without that, stacks call it after whatever stands behind it
 * in the call: `runs` in `simTest('…', async (sim) => {…}, { runs: 30 })`.
 */
export function keepAnonymous(scenario: unknown): void {
  if (typeof scenario === 'function' && scenario.name === '') {
    Reflect.defineProperty(scenario, 'name', { value: '' });
  }
}
