/** Cases about the logs of a run: headers, streams, their interleaving, trailers. */
import { formatGoDuration } from '../../model/go-duration.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { LOG_HEADER_END } from '../../model/log-markers.ts';
import { checkEqual, checkThat } from '../check.ts';
import type { CaseContext } from '../case-context.ts';
import type { CaseSpec } from '../conformance-case.ts';

type Logs = Readonly<Record<'stdout' | 'stderr' | 'stdlog', string>>;

/** All three logs; the header gives the location of the combined one (R96). */
async function logsOf(t: CaseContext, { stdoutRef, stderrRef }: RunStatus): Promise<Logs> {
  const stdout = await t.read(stdoutRef);
  const stdlogUri = /\tLog: (\S+)$/m.exec(stdout)?.[1] ?? '';
  return { stdout, stderr: await t.read(stderrRef), stdlog: await t.read(stdlogUri) };
}

/** What comes after the header. */
function bodyOf(log: string): string {
  const end = log.indexOf(LOG_HEADER_END);
  return end === -1 ? `no header in ${JSON.stringify(log)}` : log.slice(end + LOG_HEADER_END.length);
}

const DURATIONS: readonly (readonly [timeoutMs: number, text: string])[] = [
  [0.25, '250µs'],
  [1.5, '1.5ms'],
  [1_000, '1s'],
  [59_999, '59.999s'],
  [600_000, '10m0s'],
  [3_600_000, '1h0m0s'],
  [86_461_001.5, '24h1m1.0015s'],
];

export const runOutputCases: readonly CaseSpec[] = [
  {
    title: 'R96 every log begins with a header: marker, date, the three URIs, the command, SCOOT_CMD_LOG',
    needs: ['outputs'],
    async serve(t, runner) {
      const status = await t.outcome(runner, { ...t.commands.write('out\n', 'err\n'), jobId: 'job-7' });
      const { stdoutRef, stderrRef } = status;
      for (const [name, log] of Object.entries(await logsOf(t, status))) {
        const lines = log.split('\n');
        checkThat(
          /^#+$/.test(lines[0] ?? '') && lines[0] === lines[1],
          `marker of ${name}`,
          'two equal lines',
          lines,
        );
        checkThat(
          lines.some((line) => line.startsWith('Date: ')),
          name,
          'a line with the date',
          lines,
        );
        const uris = lines.find((line) => line.startsWith('Out: ')) ?? '';
        checkThat(
          uris.includes(stdoutRef) && uris.includes(stderrRef),
          `URIs of ${name}`,
          'those of the status',
          uris,
        );
        checkThat(log.includes('job-7'), name, 'the command', log);
        checkThat(lines.includes('SCOOT_CMD_LOG'), name, 'SCOOT_CMD_LOG', lines);
      }
    },
  },
  {
    title: 'R17 R96 the header of a log gives the timeout as Go prints durations',
    needs: ['outputs', 'timeouts', 'virtualTime'],
    async serve(t, runner) {
      for (const [timeoutMs, text] of DURATIONS) {
        const { stdoutRef } = await t.outcome(runner, { ...t.commands.write('', ''), timeoutMs });
        const log = await t.read(stdoutRef);
        checkEqual(`the timeout of ${timeoutMs} ms`, / # Timeout: (\S+)/.exec(log)?.[1], text);
      }
    },
  },
  {
    title:
      'R97 R123 what the command writes comes after the header, each stream in its own log, both in the third',
    needs: ['outputs'],
    async serve(t, runner) {
      const { stdout, stderr, stdlog } = await logsOf(
        t,
        await t.outcome(runner, t.commands.write('to out\n', 'to err\n')),
      );
      checkEqual('stdout', bodyOf(stdout), 'to out\n');
      checkEqual('stderr', bodyOf(stderr), 'to err\n');
      checkThat(
        ['to out\nto err\n', 'to err\nto out\n'].includes(bodyOf(stdlog)),
        'stdlog',
        'both, nothing else',
        bodyOf(stdlog),
      );
    },
  },
  {
    title: 'R123 R97 all of a long output is there when the end can be seen',
    needs: ['outputs'],
    async serve(t, runner) {
      const text = 'line of some length\n'.repeat(5_000);
      const { stdout, stdlog } = await logsOf(t, await t.outcome(runner, t.commands.write(text, '')));
      checkEqual('characters on stdout', bodyOf(stdout).length, text.length);
      checkEqual('characters on stdlog', bodyOf(stdlog).length, text.length);
      checkThat(bodyOf(stdout) === text, 'stdout', 'what was written', bodyOf(stdout).slice(0, 100));
    },
  },
  {
    title: 'R107 D51 the trailer of an aborted run is the last thing in every log',
    needs: ['outputs'],
    async serve(t, runner) {
      const runId = await t.running(runner, t.commands.writeAndHang('before\n'));
      const { stdoutRef } = (await runner.status(runId)).status;
      await t.until('the command has written', async () => bodyOf(await t.read(stdoutRef)) === 'before\n');
      const { stdout, stderr, stdlog } = await logsOf(t, await runner.abort(runId));
      checkThat(bodyOf(stdout).startsWith('before\n'), 'stdout', 'what was written first', bodyOf(stdout));
      for (const log of [stdout, stderr, stdlog]) {
        checkThat(
          log.endsWith('\nFAILED\nTask aborted\n'),
          'the end of a log',
          '"Task aborted"',
          log.slice(-80),
        );
      }
    },
  },
  {
    title: 'R101 D51 the trailer of a run that timed out names the timeout',
    needs: ['outputs', 'timeouts'],
    async serve(t, runner) {
      const { status, timeoutMs } = await t.endRunning(runner, t.commands.writeAndHang('before\n'), 20);
      const { stdout, stderr, stdlog } = await logsOf(t, status);
      for (const log of [stdout, stderr, stdlog]) {
        const trailer = `\nFAILED\nTask exceeded timeout ${formatGoDuration(timeoutMs)}\n`;
        checkThat(log.endsWith(trailer), 'the end of a log', trailer, log.slice(-80));
      }
    },
  },
  {
    title: 'R107 R97 the trailer stands once in a log, and not at all after a natural end',
    needs: ['outputs', 'timeouts'],
    async serve(t, runner) {
      const natural = await logsOf(
        t,
        await t.outcome(runner, { ...t.commands.write('x', ''), timeoutMs: t.ms(1e6) }),
      );
      checkEqual('stdout of a natural end', bodyOf(natural.stdout), 'x');
      const runId = await t.running(runner, t.commands.hang());
      const [status] = await Promise.all([runner.abort(runId), runner.abort(runId)]);
      const { stdlog } = await logsOf(t, status);
      checkEqual('trailers', stdlog.split('Task aborted').length - 1, 1);
    },
  },
];
