import type { FailingExecution } from '../../src/explore/failing-execution.ts';

/** A failing execution with what a test wants to know of it. */
export function failingWith(fields: Partial<FailingExecution>): FailingExecution {
  return {
    ...{ scenario: 'mine', key: 'check broken', kind: 'check', message: 'broken', atMs: 0, details: [] },
    ...{ index: 0, executions: 1, decisions: [], firedEvents: 0, traceHash: '00c0ffee00c0ffee' },
    ...fields,
  };
}
