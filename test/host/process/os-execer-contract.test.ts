import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SimStep } from '../../../src/execers/sim-step.ts';
import {
  EXECER_GRACE_MS,
  execerCases,
  type ExecerUnderTest,
} from '../../../src/conformance/parts/execer-cases.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { testExecer } from '../command-run.ts';
import { comesTrue, livingWithMark, newMark } from '../hostile/leftovers.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The shell line that does what the step does. */
function lineOf(step: SimStep): string {
  switch (step.op) {
    case 'complete':
      return `exit ${step.exitCode}`;
    case 'sleep':
      return `: > "$READY"; sleep ${step.ms / 1000}`;
    case 'stdout':
      return `printf %s ${quoted(step.text)}`;
    case 'stderr':
      return `printf %s ${quoted(step.text)} >&2`;
    case 'signal':
      return `kill -${step.signal.slice('SIG'.length)} $$`;
    case 'ignore-term':
      return `trap '' TERM`;
    case 'hang':
      return ': > "$READY"; while :; do sleep 50; done';
    case 'fork':
      return 'sleep 50 &';
    case 'orphan':
      return '(setsid sleep 50 &)';
    case 'comment':
    case 'fail':
    case 'mem':
    case 'pause':
      return ':';
  }
}

const osExecer = {
  name: 'the OS execer',
  create(): ExecerUnderTest {
    const mark = newMark();
    const dir = mkdtempSync(join(tmpdir(), 'execer-contract-'));
    const ready = join(dir, 'ready');
    return {
      execer: testExecer({ graceMs: EXECER_GRACE_MS }),
      unstartable: { argv: ['no-such-program'] },
      // A file, because an argument may hold 128 KiB at most.
      commandOf(steps) {
        const script = join(dir, 'script');
        writeFileSync(script, steps.map(lineOf).join('\n'));
        return { argv: ['sh', script], envVars: { MARK: mark, READY: ready } };
      },
      settled: (result) => Promise.resolve(result),
      // Also until the script waits for something, however slow the machine is today.
      async pass(ms) {
        await pause(ms);
        await comesTrue(() => existsSync(ready));
      },
      living: () => livingWithMark(mark).length,
      close: () => rmSync(dir, { recursive: true }),
    };
  },
};
describeRunner(osExecer, execerCases);
