import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sleep, type Clock } from '../../../src/kernel/clock.ts';
import { createSystemClock } from '../../../src/host/system-clock.ts';
import { start, testExecer } from '../command-run.ts';
import { comesTrue, isAlive, livingWithMark, newMark } from '../hostile/leftovers.ts';
import { topicOf } from '../../../src/kernel/question.ts';

const execer = testExecer();
/** A minute of grace: a test that waits for it fails by its own time limit. */
const patient = testExecer({ graceMs: 60_000, drainGraceMs: 100 });
const ABORTED = { state: 'FAILED', exitCode: -1, error: 'Aborted (SIGTERM)', signal: 'SIGTERM' };
const KILLED = { state: 'FAILED', exitCode: -1, error: 'Aborted (SIGKILL)', signal: 'SIGKILL' };

/**
 * Says so at each SIGTERM and goes on; `$1` names the process. Here and below children are started before the trap is set: one that
 * inherits the trap may take the signal with it and forget it when it becomes another program.
 */
const COUNTS = `sleep 50 & trap 'echo got $1; sleep 50 &' TERM; echo up $1; while :; do wait; done`;

describe('SIGTERM', () => {
  test('R125 D55 reaches every member of the tree exactly once, wherever it is', async () => {
    const script = `sh -c "$COUNTS" sh group & setsid sh -c "$COUNTS" sh session & (setsid sh -c "$COUNTS" sh daemon &)
      (setsid sh -c 'sh -c "$COUNTS" sh orphan & exit' &); set -- leader; ${COUNTS}`;
    const run = await start(testExecer({ graceMs: 500 }), script, { envVars: { COUNTS } });
    const names = ['group', 'session', 'daemon', 'orphan', 'leader'];
    for (const name of names) await run.says(`up ${name}`);
    expect(await run.process.abort()).toEqual(KILLED);
    const got = run.stdout().match(/got \w+/g);
    expect(got?.sort()).toEqual(names.map((name) => `got ${name}`).sort());
  });

  test('R125 R126 is followed by SIGKILL after the grace', async () => {
    const mark = newMark();
    const run = await start(execer, `trap '' TERM; echo up; sleep 50.${mark}; sleep 50.${mark}`);
    await run.says('up');
    const beforeMs = performance.now();
    expect(await run.process.abort()).toEqual(KILLED);
    expect(performance.now() - beforeMs).toBeGreaterThanOrEqual(400);
    expect(livingWithMark(mark)).toEqual([]);
  });

  test('R127 D59 ends its grace when everybody is gone', async () => {
    // As patient with what outlives the command, for a busy machine may end the child later.
    const execerOfAll = testExecer({ graceMs: 60_000, drainGraceMs: 60_000 });
    const run = await start(execerOfAll, 'sleep 50 & echo up; wait');
    await run.says('up');
    expect(await run.process.abort()).toEqual(ABORTED);
  });

  test('R127 D59 gives the rest a short grace instead of the full one when the leader is gone', async () => {
    const run = await start(patient, `(trap '' TERM; echo up; sleep 50; sleep 50) & wait`);
    await run.says('up');
    expect(await run.process.abort()).toEqual({
      ...ABORTED,
      faults: ['descendants: 2 outlived the command and had to be killed'],
    });
  });

  test('R127 gives a descendant a moment to clean up', async () => {
    const slow = `sleep 50 & trap 'sleep 0.2; echo cleaned; exit 0' TERM; echo up; wait`;
    const run = await start(testExecer({ graceMs: 15_000, drainGraceMs: 10_000 }), `sh -c "$SLOW" & wait`, {
      envVars: { SLOW: slow },
    });
    await run.says('up');
    expect(await run.process.abort()).toEqual(ABORTED);
    expect(run.stdout()).toBe('up\ncleaned\n');
  });

  test('R127 D59 a natural end with a background child ends now, not with the child', async () => {
    const run = await start(patient, 'sleep 50 & echo up; exit 3');
    expect(await run.process.wait()).toEqual({
      state: 'COMPLETE',
      exitCode: 3,
      error: '',
      faults: ['descendants: 1 outlived the command and had to be killed'],
    });
  });

  test('R123 D66 an abort without an earlier wait loses no output', async () => {
    const run = await start(
      patient,
      `sleep 50 & trap 'head -c 200000 /dev/zero | tr "\\0" x; exit 0' TERM; echo up; wait`,
    );
    await run.says('up');
    expect(await run.process.abort()).toEqual(ABORTED);
    expect(run.stdout()).toBe(`up\n${'x'.repeat(200_000)}`);
  });

  test('R128 D57 while an abort waits, there is one timer and everything else goes on', async () => {
    const system = createSystemClock();
    const labels: string[] = [];
    const clock: Clock = {
      epochMs: system.epochMs,
      now: () => system.now(),
      post: (label, fire) => system.post(label, fire),
      endOfInstant: (label, ms, fire) => system.endOfInstant(label, ms, fire),
      timer: (label, ms, fire) => {
        labels.push(topicOf(label).text);
        return system.timer(label, ms, fire);
      },
    };
    const run = await start(testExecer({ clock, graceMs: 300 }), `trap '' TERM; echo up; sleep 50; sleep 50`);
    await run.says('up');
    let ended = false;
    const abort = Promise.resolve(run.process.abort()).then((status) => {
      ended = true;
      return status;
    });
    const other = await start(testExecer(), 'exit 1');
    expect(await other.process.wait()).toMatchObject({ exitCode: 1 });
    expect(ended).toBe(false);
    expect(labels).toEqual(['abort grace']);
    expect(await abort).toEqual(KILLED);
  });
});

describe('interleavings of wait, abort and the end', () => {
  test('R120 all waits and aborts of a stopped process give one status', async () => {
    const run = await start(execer, 'echo up; sleep 50');
    await run.says('up');
    const { process } = run;
    const before = process.wait();
    const aborts = [process.abort(), process.abort()];
    const all = await Promise.all([before, ...aborts, process.wait()]);
    expect(new Set(all).size).toBe(1);
    expect(all[0]).toEqual(ABORTED);
    expect(process.abort()).toBe(all[0]);
  });

  test('R120 D60 D70 an abort after the end gives the natural result', async () => {
    const { process } = await start(execer, 'exit 3');
    const natural = await process.wait();
    expect(process.abort()).toBe(natural);
    expect(natural).toEqual({ state: 'COMPLETE', exitCode: 3, error: '' });
  });

  test("R120 D60 an abort between the exit and Node's report of it gives the natural result", async () => {
    const run = await start(execer, 'echo $$; exit 3');
    // This callback does not return to the event loop before the process has ended.
    await run.says('\n');
    const stat = `/proc/${run.stdout().trim()}/stat`;
    for (let looks = 0; looks < 1e6 && isAlive(Number(run.stdout())); looks++) readFileSync(stat);
    expect(await run.process.abort()).toEqual({ state: 'COMPLETE', exitCode: 3, error: '' });
  });

  test('R120 D59 an abort while the rest of a natural end is swept gives the natural result', async () => {
    const mark = newMark();
    const run = await start(execer, `(env -i setsid sleep 1.5 &); sleep 0.05; echo up; exit 4`, {
      envVars: { MARK: mark },
    });
    await run.says('up');
    // Only the pipe is still held now; the drain grace runs.
    await comesTrue(() => livingWithMark(mark).length === 0);
    await turn();
    expect(await run.process.abort()).toMatchObject({ state: 'COMPLETE', exitCode: 4, error: '' });
  });

  test('R120 R128 D60 aborts at every moment around the exit give one legal status', async () => {
    const legal = ['', 'Aborted (SIGTERM)'];
    for (let delayMs = 0; delayMs < 20; delayMs++) {
      const { process } = await start(patient, 'sleep 0.01; exit 9');
      const waiting = process.wait();
      await sleep(createSystemClock(), delayMs);
      const aborted = await process.abort();
      expect(legal).toContain(aborted.error);
      expect(aborted).toMatchObject(
        aborted.error === '' ? { state: 'COMPLETE', exitCode: 9 } : { state: 'FAILED', exitCode: -1 },
      );
      expect(await waiting).toBe(aborted);
    }
  });

  test('R128 D56 a leader that exits with its own code as the grace ends does not block the abort', async () => {
    const legal = [ABORTED, KILLED];
    for (const delay of ['0.10', '0.14', '0.15', '0.16']) {
      const run = await start(
        testExecer({ graceMs: 150 }),
        `sleep 50 & trap 'sleep ${delay}; exit 3' TERM; echo up; wait`,
      );
      await run.says('up');
      const { state, exitCode, error, signal } = await run.process.abort();
      expect(legal).toContainEqual({ state, exitCode, error, signal });
    }
  });
});
