/** Takes each step, also after one that failed, and resolves with all errors in their order. */
export async function errorsOfSteps(steps: readonly (() => unknown)[]): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}
