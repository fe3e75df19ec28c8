// What a property says of answers that have not the form of one.
import { expect, test } from 'vitest';
import { checkForm } from '../../src/check/held-service.ts';
import { ContractBrokenError } from '../../src/oracles/contract-broken-error.ts';

function brokenBy(answer: unknown): ContractBrokenError {
  try {
    checkForm('run', answer);
  } catch (error) {
    if (error instanceof ContractBrokenError) return error;
  }
  throw new Error('expected it to break R10');
}

test('R10 R15 what an answer throws when it is read is the cause of the failure, and otherwise there is none', () => {
  const own = new Error('of the runner');
  const unreadable = Object.defineProperty({}, 'runId', {
    get() {
      throw own;
    },
  });
  expect(brokenBy(unreadable).cause).toBe(own);
  expect(Object.keys(Object.getOwnPropertyDescriptors(brokenBy(undefined)))).not.toContain('cause');
});
