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

test('the styles that stand within another are its own', () => {
  expect(painted(styled('red', `a ${styled('green', 'b')}`))).toBe(`a \u001b[32mb${BLACK}`);
});

test('a mark without its end changes no colour', () => {
  const [mark] = styled('red', '|').split('|') as [string];
  expect(painted(`a${mark}b`)).toBe('ab');
  const [, end] = styled('red', '|').split('|') as [string, string];
  expect(painted(`a${end}b`)).toBe('ab');
});

/** All characters that marks can have, singly and each with an end. */
const CHARACTERS = Array.from({ length: 32 }, (_, index) => String.fromCharCode(0xfdd0 + index));

test('a text of others does not mark itself, neither alone nor within a style, and stays readable', () => {
  for (const start of CHARACTERS) {
    const evil = CHARACTERS.map((end) => `${start}evil${end}`).join('');
    const shown = evil.replace(/[^evil]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
    expect(painted(evil)).toBe(shown);
    expect(painted(styled('red', evil))).toBe(`${RED}${shown}${BLACK}`);
    expect([isStyled(evil), withoutStyles(evil)]).toEqual([false, evil]);
  }
});

/** What a terminal gets, with colours unless `noColour` is set. */
function written(write: (terminal: Terminal) => void, noColour = ''): string {
  vi.stubEnv('NO_COLOR', noColour);
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

test('marks of others reach no terminal, whether or not it shows colours', () => {
  const name = '\ufdd3evil\ufdd6';
  for (const noColour of ['', '1']) {
    expect(written((terminal) => terminal.line(name), noColour)).toBe('\\ufdd3evil\\ufdd6\n');
  }
  expect(written((terminal) => terminal.line(terminal.style('red', name)), '1')).toBe('\\ufdd3evil\\ufdd6\n');
});
