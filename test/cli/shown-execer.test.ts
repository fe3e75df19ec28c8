import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamText } from '../../src/cli/exec-display.ts';

test('the pieces give the text of the whole, wherever it is split', () => {
  const bytes = fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.uint8Array().map((some) => Buffer.from(some)),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(5)), (whole, lengths) => {
      const stream = new StreamText();
      let text = '';
      let at = 0;
      for (const length of lengths) {
        text += stream.add(whole.subarray(at, at + length));
        at += length;
      }
      text += stream.add(whole.subarray(at)) + stream.end();
      expect(text).toBe(whole.toString('utf8'));
    }),
  );
});

test('text between bytes keeps its place behind a character that was never completed', () => {
  const stream = new StreamText();
  expect(stream.add(Buffer.from([0xc3])) + stream.add('a') + stream.end()).toBe('\uFFFDa');
});
