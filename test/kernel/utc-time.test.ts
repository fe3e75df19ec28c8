import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatUtc } from '../../src/kernel/utc-time.ts';

test('an instant prints as the platform prints it, for every millisecond of the years 0 to 9999', () => {
  const instants = fc.date({
    min: new Date('0000-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(instants, (instant) => {
      expect(formatUtc(instant.getTime())).toBe(instant.toISOString());
    }),
    {
      numRuns: 2_000,
      examples: [[new Date(0)], [new Date('2000-02-29T23:59:59.999Z')], [new Date('1900-03-01')]],
    },
  );
});
