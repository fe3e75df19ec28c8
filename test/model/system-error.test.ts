// What clients may see of an error of the system: what it means, and no path of the machine.
import { expect, test } from 'vitest';
import { isOutOfRoom } from '../../src/model/content-store.ts';
import { meaningOf } from '../../src/model/system-error.ts';

const ofSystem = (message: string, code?: string): Error =>
  Object.assign(new Error(message), { syscall: 'write', ...(code === undefined ? {} : { code }) });

test.for([
  ["EACCES: permission denied, open '/secret'", 'EACCES', 'permission denied'],
  [
    "ENOENT: no such file or directory, rename '/secret/a, b' -> '/secret/c'",
    'ENOENT',
    'no such file or directory',
  ],
  ['ENOSPC: no space left on device, write', 'ENOSPC', 'no space left on device'],
  ['spawn /secret/x ENOENT', 'ENOENT', 'ENOENT'],
  [
    "Unknown system error -122: Unknown system error -122, write '/secret'",
    'Unknown system error -122',
    'disk quota exceeded',
  ],
  [
    "Unknown system error -69: Unknown system error -69, write '/secret'",
    'Unknown system error -69',
    'disk quota exceeded',
  ],
  [
    "Unknown system error -7: Unknown system error -7, write '/secret'",
    'Unknown system error -7',
    'Unknown system error -7',
  ],
  ['/secret could not be removed', undefined, 'an error of the system'],
] as const)('%s', ([text, code, meaning]) => {
  expect(meaningOf(ofSystem(text, code))).toBe(meaning);
});

test('an error that is not of the system is shown whole', () => {
  expect(meaningOf(new Error('output d/o has changed'))).toBe('output d/o has changed');
  expect(meaningOf('a text')).toBe('a text');
});

test.for(['EDQUOT', 'Unknown system error -122', 'Unknown system error -69'])(
  'a quota that is used up, %s, is a lack of room',
  (code) => {
    expect(isOutOfRoom(ofSystem('', code))).toBe(true);
  },
);
