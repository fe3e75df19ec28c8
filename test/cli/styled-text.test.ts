import { afterEach, expect, test, vi } from 'vitest';
import { isStyled, painted, styled, withoutStyles } from '../../src/cli/styled-text.ts';
import { Terminal } from '../../src/cli/terminal.ts';

const RED = '\u001b[31m';
const BLACK = '\u001b[39m';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('paints each styled part, and leaves the rest alone', () => {
  const line = `${styled('red', '2 failed')} of ${styled('green', '3')}`;
  expect(painted(line)).toBe(`${RED}2 failed${BLACK} of \u001b[32m3${BLACK}`);
  expect(withoutStyles(line)).toBe('2 failed of 3');
  expect([isStyled(line), isStyled('2 failed')]).toEqual([true, false]);
});

test('a mark without its end changes no colour', () => {
  expect(painted('a\ufdd3b')).toBe('ab');
  expect(painted('a\ufdd6b')).toBe('ab');
});

/** What a terminal with colours gets. */
function written(write: (terminal: Terminal) => void): string {
  vi.stubEnv('NO_COLOR', '');
  vi.stubEnv('TERM', 'xterm');
  let text = '';
  const keep = (part: string | Uint8Array): boolean => {
    text += String(part);
    return true;
  };
  // The streams of the process, as they are where a person watches.
  const watched = { isTTY: true, columns: 40, on: () => undefined, write: keep };
  vi.spyOn(process, 'stdout', 'get').mockReturnValue({ ...watched } as unknown as NodeJS.WriteStream & {
    fd: 1;
  });
  vi.spyOn(process, 'stderr', 'get').mockReturnValue({ ...watched } as unknown as NodeJS.WriteStream & {
    fd: 2;
  });
  write(new Terminal({ lostStatus: 3 }));
  return text;
}

test('escape sequences of others do not reach a terminal that shows colours', () => {
  const name = 'a\u001b[8mhidden\u001b[2J\u0007';
  const shown = 'a\\u001b[8mhidden\\u001b[2J\\u0007';
  expect(written((terminal) => terminal.line(`${terminal.style('red', name)} ${name}`))).toBe(
    `${RED}${shown}${BLACK} ${shown}\n`,
  );
  expect(written((terminal) => terminal.note(name))).toBe(`${shown}\n`);
  expect(written((terminal) => terminal.progress(`one\ntwo ${name}`))).toBe(
    `\r\u001b[2Kone\\ntwo ${shown}`.slice(0, '\r\u001b[2K'.length + 39),
  );
});
