import { expect, test } from 'vitest';
import { CallHistory } from '../../src/check/call-history.ts';

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
