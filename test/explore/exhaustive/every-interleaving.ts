// Brute force: every answer to every question, with nothing left out.
import type { Strategy } from '../../../src/explore/strategies/strategy.ts';

/** Counts through all lists of answers. */
export function everyInterleaving(): Strategy {
  const path: { answer: number; readonly n: number }[] = [];
  let asked = 0;
  let isFirst = true;
  return {
    name: 'every-interleaving',
    begin() {
      asked = 0;
      if (isFirst) {
        isFirst = false;
        return true;
      }
      while (path.length > 0 && path.at(-1)!.answer + 1 === path.at(-1)!.n) path.pop();
      if (path.length === 0) return false;
      path.at(-1)!.answer += 1;
      return true;
    },
    decide(_label, n) {
      if (asked === path.length) path.push({ answer: 0, n });
      const { answer } = path[asked]!;
      asked += 1;
      return answer;
    },
    end() {},
  };
}
