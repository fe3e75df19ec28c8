import { describe, test } from 'vitest';
import { playbackCases, simExecerCases } from '../../../src/conformance/sim-execer-cases.ts';
import { createPlaybackExecer } from '../../../src/execers/playback-execer.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { playbackExecer, simExecer } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

describe('execers of scripts and recordings', () => {
  describeRunner(simExecer, simExecerCases);
  describeRunner(playbackExecer, playbackCases);
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
