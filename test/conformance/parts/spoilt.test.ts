import { expect, test } from 'vitest';
import { checkEqual } from '../../../src/conformance/check.ts';
import { partCases, type PartCaseSpec, type PartSubject } from '../../../src/conformance/parts/part-case.ts';
import { casesThatHold, spoils } from './spoilt.ts';

class Counter {
  #count = 0;

  add(): number {
    this.#count += 1;
    return this.#count;
  }

  close(): void {}
}

interface CounterSubject extends PartSubject {
  create(): Counter;
}

const on = (title: string, body: (counter: Counter) => void): PartCaseSpec<CounterSubject> => ({
  title,
  async prove(subject) {
    const counter = subject.create();
    await Promise.resolve();
    counter.add();
    body(counter);
    counter.close();
  },
});

const specs: readonly PartCaseSpec<CounterSubject>[] = [
  on('checks', (counter) => checkEqual('the count', counter.add(), 2)),
  on('calls nothing', () => {}),
  on('checks something else', () => checkEqual('the sum', 1 + 1, 2)),
];

test('a case whose body checks nothing of the part holds for each that is spoilt, whatever surrounds it', async () => {
  const subjects = spoils(['add', 'close']).map((spoil) => ({
    name: 'spoilt',
    create: () => spoil(new Counter()),
  }));
  expect(await casesThatHold(partCases({ counter: specs }), subjects)).toEqual([
    'calls nothing',
    'checks something else',
  ]);
});
