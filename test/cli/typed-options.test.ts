import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { signalName } from '../../src/cli/typed-options.ts';

test('a signal is typed by its name or number', () => {
  expect(['TERM', 'sigint', '9', 'SIGTERM'].map(signalName)).toEqual([
    'SIGTERM',
    'SIGINT',
    'SIGKILL',
    'SIGTERM',
  ]);
});

test.for(['40', 'RTMIN', 'LOUD', '0', ''])('%j is refused as a signal, with what is accepted', (text) => {
  expect(() => signalName(text)).toThrow(
    new InvalidArgumentError('Expected a signal such as TERM, INT or 9, but no real-time signal.'),
  );
});
