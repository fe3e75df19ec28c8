import { expect, test } from 'vitest';
import { neverReachedText } from '../../src/model/reached-names.ts';

test('names of conditions that were never reached cannot break the line that lists them', () => {
  const names = ['a\nline', '\u202ebackwards\u001b[31m'];
  expect(neverReachedText('5 executions', names)).toBe(
    'never reached in 5 executions: a\\nline, \\u202ebackwards\\u001b[31m',
  );
});

test('long names of conditions that were never reached do not flood the list', () => {
  expect(neverReachedText('5 executions', [`a${'x'.repeat(5_000)}z`, 'short'])).toBe(
    `never reached in 5 executions: a${'x'.repeat(119)}…(4842 characters)…${'x'.repeat(39)}z, short`,
  );
});
