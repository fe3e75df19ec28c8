import { expect, test } from 'vitest';
import { CallHistory } from '../../src/check/call-history.ts';
import { pendingStatus, runningStatus } from '../../src/model/run-status.ts';
import { asInstance } from './status-instance.ts';

test('each call is one line, whatever its command and its error are', async () => {
  const history = new CallHistory({ now: () => 7 });
  const call = { method: 'run', args: [{ argv: ['a'] }] } as never;
  await expect(
    history.note(call, () => Promise.reject(new Error('no\u001b[2J\n  8 ms   forged\u2028next'))),
  ).rejects.toThrow('no');
  const lines = history.lines();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^7 ms {3}.*no\\u001b\[2J\\n {2}8 ms {3}forged\\u2028next"$/);
});

test('a look at a status that is an instance of a class gets a line when it shows something new', async () => {
  const history = new CallHistory({ now: () => 7 });
  for (const status of [pendingStatus('1'), pendingStatus('1'), runningStatus('1', 'out', 'err')]) {
    const answer = { status: asInstance(status), service: {} };
    await history.note({ method: 'status', args: ['1'] }, () => Promise.resolve(answer));
  }
  await history.note({ method: 'release', args: [] }, () => Promise.resolve());
  expect(history.lines()).toEqual([
    '7 ms   status(run 1) gives PENDING',
    '7 ms   status(run 1) gives RUNNING',
    '7 ms   release() ends',
  ]);
});
