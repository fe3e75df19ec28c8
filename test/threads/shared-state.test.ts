import { afterEach, expect, test, vi } from 'vitest';
import { ExploreSharedState } from '../../src/threads/shared-state.ts';
import { choice } from '../questions.ts';

afterEach(() => vi.restoreAllMocks());

test('a log is of one execution, even if its thread begins another while it is read', () => {
  const writer = new ExploreSharedState();
  const reader = new ExploreSharedState(writer.memory);
  writer.beginExecution();
  for (const name of ['a', 'b', 'c']) writer.noteDecision(choice(name), 9, 1);
  expect(reader.decisions().map(({ question }) => question.text)).toEqual(['a', 'b', 'c']);

  const { decode } = TextDecoder.prototype;
  vi.spyOn(TextDecoder.prototype, 'decode').mockImplementationOnce((bytes) => {
    writer.beginExecution();
    writer.noteDecision(choice('d'), 5, 4);
    return decode.call(new TextDecoder(), bytes);
  });
  expect(reader.decisions()).toEqual([{ question: choice('d'), n: 5, answer: 4 }]);
});
