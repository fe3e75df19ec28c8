import { describe, test } from 'vitest';
import { execerCases } from '../../../src/conformance/parts/execer-cases.ts';
import { playbackCases } from '../../../src/conformance/parts/playback-cases.ts';
import { simExecerCases } from '../../../src/conformance/parts/sim-execer-cases.ts';
import { createPlaybackExecer } from '../../../src/execers/playback-execer.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { execerSubjects, playbackExecer, simExecer } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

describe('execers', () => {
  for (const subject of execerSubjects()) describeRunner(subject, execerCases);
});

describe('execers of scripts and recordings', () => {
  describeRunner(simExecer, simExecerCases);
  describeRunner(playbackExecer, playbackCases);
});

test('each case of any execer fails for one whose processes do not end, or that leaves some alive', async () => {
  const subjects = spoils(['exec', 'wait', 'abort', 'living']).map((spoil) => execerSubjects(spoil));
  for (const at of [0, 1]) {
    const each = subjects.flatMap((ofWay) => ofWay[at] ?? []);
    await expectAllToFail(execerCases, each);
  }
});

test('each case of scripts and recordings fails for an execer that starts nothing', async () => {
  await expectAllToFail(
    simExecerCases,
    spoils(['exec', 'cancelBoundMs']).map((spoil) => ({
      name: 'spoilt',
      create: (given) => spoil(createSimExecer(given)),
    })),
  );
  await expectAllToFail(
    playbackCases,
    spoils(['exec']).map((spoil) => ({
      name: 'spoilt',
      create: (given) => spoil(createPlaybackExecer(given)),
    })),
  );
});
