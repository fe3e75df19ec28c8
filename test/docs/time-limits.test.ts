import { expect, test } from 'vitest';
import { readProjectFile } from '../../scripts/module-graph.ts';
import { TIME_LIMITS } from '../../src/vitest/simulated-test.ts';

test('docs/vitest.md states the limits that divide the time of a simTest', () => {
  const page = readProjectFile('docs/vitest.md').replaceAll('\n', ' ');
  const { explorePart, wholePart, eventPart, eventMsMax, eventPartLong } = TIME_LIMITS;
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  expect(eventPartLong).toBe(0.1);
  for (const stated of [
    `**${percent(explorePart)}: exploring stops.**`,
    `**${percent(wholePart)}: every execution stops.**`,
    `never goes beyond the ${percent(wholePart)}`,
    `the remaining ${percent(1 - wholePart)} are too short`,
    `One event may take ${percent(eventPart)} of the \`timeout\`, but no more than ${eventMsMax / 1_000} seconds, or a tenth of a longer`,
  ]) {
    expect(page).toContain(stated);
  }
});
