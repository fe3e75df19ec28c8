// What is said of trouble that comes with every call, lasts, or comes again.
import { expect, test } from 'vitest';
import { sayingHourly } from '../../src/host/guard-callback.ts';

test('each text is said once an hour, whatever is said in between', () => {
  const said: string[] = [];
  let now = 0;
  const say = sayingHourly(
    'onTrouble',
    (text) => said.push(`${now} ${text}`),
    () => now,
  );
  for (let n = 0; n < 20; n += 1) for (const text of ['full', 'read-only']) say(text);
  now = 3_599_999;
  say('full');
  now = 3_600_000;
  for (let n = 0; n < 2; n += 1) say('read-only');
  now = 7_000_000;
  say('full');
  say('read-only');
  expect(said).toEqual(['0 full', '0 read-only', '3600000 read-only', '7000000 full']);
});
