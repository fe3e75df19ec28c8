import { describe, expect, test } from 'vitest';
import { bugs } from '../../scripts/zoo/catalog.ts';
import { drawSample } from '../../scripts/zoo/sample.ts';

const ids = bugs.map(({ id }) => id);

describe('a sample of the zoo', () => {
  test('holds as many different bugs as requested, the same ones for the same seed', () => {
    const drawn = drawSample(ids, 10, 'a');
    expect(new Set(drawn).size).toBe(10);
    expect(ids).toEqual(expect.arrayContaining(drawn));
    expect(drawSample(ids, 10, 'a')).toEqual(drawn);
  });

  test('covers every bug in time', () => {
    const seen = new Set(Array.from({ length: 200 }, (_, seed) => drawSample(ids, 10, String(seed))).flat());
    expect(ids.filter((id) => !seen.has(id))).toEqual([]);
  });

  test('of more than there are is all of them', () => {
    expect(drawSample(['x', 'y'], 5, 'a').sort()).toEqual(['x', 'y']);
  });
});
