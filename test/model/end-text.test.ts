import { expect, test } from 'vitest';
import {
  failedReason,
  failedText,
  killedText,
  killingSignal,
  notStartedReason,
  notStartedText,
} from '../../src/model/end-text.ts';

test('R98 R110 R124 the error of a status has its words', () => {
  expect([notStartedText('no room'), failedText('no tty'), killedText('SIGRTMIN')]).toEqual([
    'could not exec: no room',
    'error execing: no tty',
    'Killed by SIGRTMIN',
  ]);
});

test('what is read of an error is what was made', () => {
  const reasons = ['no room', '', 'spawn a\nb ENOENT'];
  expect(reasons.map((reason) => notStartedReason(notStartedText(reason)))).toEqual(reasons);
  expect(reasons.map((reason) => failedReason(failedText(reason)))).toEqual(reasons);
  const signals = ['SIGKILL', 'SIGUSR1', 'SIGRTMIN+1', 'SIGRTMAX-2'];
  expect(signals.map((signal) => killingSignal(killedText(signal)))).toEqual(signals);
});

test.each([
  '',
  'it was Killed by SIGKILL',
  'Killed by nobody',
  'Killed by SIGKILL of its parent',
  'it could not exec: a',
  'no error execing: a',
])('%j says none of it', (error) => {
  expect([notStartedReason(error), failedReason(error), killingSignal(error)]).toEqual(
    Array(3).fill(undefined),
  );
});
