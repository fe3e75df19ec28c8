import { describe, expect, test } from 'vitest';
import {
  callOfNode,
  fileOfLine,
  functionOfLine,
  isPlaced,
  isStackLine,
  stackLine,
} from '../../src/kernel/stack-line.ts';

const FILE = '/work/a b/lock.ts';

describe('a line of a stack', () => {
  test.for([
    [`at Lock.take (${FILE}:3:5)`, 'Lock.take', FILE],
    [`at async Lock.take (file:///work/a%20b/lock.ts:3:5)`, 'Lock.take', FILE],
    [`at new Lock (${FILE}:3:5)`, 'new Lock', FILE],
    [`at ${FILE}:3:5`, undefined, FILE],
    [`at async ${FILE}:3:5`, undefined, FILE],
    ['at file:///work/50%.ts:3:5', undefined, '/work/50%.ts'],
    ['at new Promise (<anonymous>)', 'new Promise', ''],
    ['at async Promise.all (index 0)', 'Promise.all', ''],
    ['at Array.map (native)', 'Array.map', ''],
  ] as const)('%s', ([line, name, file]) => {
    expect([isStackLine(`    ${line}`), isPlaced(line)]).toEqual([true, file !== '']);
    expect([functionOfLine(line), fileOfLine(line)]).toEqual([name, file]);
  });

  test.for(['Error: at noon (3:5)', 'at noon it fails', '', `see ${FILE}:3`])('is not %s', (line) => {
    expect([isStackLine(line), isPlaced(line)]).toEqual([false, false]);
  });

  test.for([
    ['at listOnTimeout (node:internal/timers:581:17)', { name: 'listOnTimeout', module: 'timers' }],
    ['at async Object.readFile (node:fs/promises:9:1)', { name: 'Object.readFile', module: 'fs/promises' }],
    ['at new Worker (node:internal/worker:9:1)', { name: 'Worker', module: 'worker' }],
    ['at node:internal/main:9:1', { name: '', module: 'main' }],
    [`at Lock.take (${FILE}:3:5)`, undefined],
  ] as const)('of Node: %s', ([line, call]) => {
    expect(callOfNode(line)).toEqual(call);
  });

  test('is made of a frame, and of a long message it is not looked for', () => {
    expect(fileOfLine(stackLine(`${FILE}:3:5`))).toBe(FILE);
    expect(fileOfLine(stackLine(`${'('.repeat(5_000)}${FILE}:3:5`))).toBe('');
  });
});
