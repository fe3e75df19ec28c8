import { describe, expect, test } from 'vitest';
import { ProcessTable } from '../../src/execers/virtual-processes.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

describe('the process table', () => {
  test('a process that leaves twice breaks an invariant', () => {
    const table = new ProcessTable({ clock: createVirtualClock() });
    table.enter('3');
    table.enter('3', '/1');
    table.leave('3', '/1');
    table.leave('3');
    const message = 'Broken invariant of dryrunner: expected process 3/1 to leave once';
    const broken: unknown = expect.objectContaining({ code: 'RUNNER_INVARIANT', message });
    expect(() => table.leave('3', '/1')).toThrow(broken);
  });

  test('processes without a run are numbered', () => {
    const table = new ProcessTable({ clock: createVirtualClock() });
    const command = { argv: [], dir: '/', jobId: '', taskId: '', tag: '' };
    const names = [command, { ...command, runId: '' }, { ...command, runId: '9' }, command];
    expect(names.map((one) => table.nameOf(one))).toEqual(['#0', '', '9', '#1']);
  });
});
