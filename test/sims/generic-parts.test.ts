// The generic scenarios of parts on their own: silent about the parts as they are, and loud about a part that breaks one promise.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { execers } from '../../sims/generic/execers.ts';
import { filers } from '../../sims/generic/filers.ts';
import { metrics } from '../../sims/generic/metrics.ts';
import { outputs } from '../../sims/generic/outputs.ts';
import { runCampaign } from '../../src/explore/campaign.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { portfolioStrategy } from '../../src/explore/strategies/portfolio.ts';
import { MemoryWatch } from '../../src/execers/memory-watch.ts';
import { ProcessOutput } from '../../src/execers/process-output.ts';
import { ScriptExecer } from '../../src/execers/sim-execer.ts';
import { SimProcess } from '../../src/execers/sim-process.ts';
import { ProcessTable } from '../../src/execers/virtual-processes.ts';
import { BehaviourSource } from '../../src/filers/filer-behaviour.ts';
import { FilerLedger } from '../../src/filers/filer-ledger.ts';
import { MemoryTree } from '../../src/filers/memory-tree.ts';
import { MemoryHistogram } from '../../src/metrics/memory-metrics.ts';
import { FaultyMemoryFile, MemoryFile } from '../../src/outputs/memory-file.ts';
import { MemoryOutputFolder } from '../../src/outputs/memory-output.ts';

const SCENARIOS = { execers, filers, metrics, outputs };
type Name = keyof typeof SCENARIOS;

const BROKEN: readonly (readonly [scenario: Name, what: string, message: RegExp, breakIt: () => void])[] = [
  [
    'execers',
    'whose resume wakes nobody',
    /^R140 /,
    () => vi.spyOn(ScriptExecer.prototype, 'resume').mockReturnValue(true),
  ],
  [
    'execers',
    'whose processes have no names',
    /^R140 /,
    () => vi.spyOn(SimProcess.prototype, 'answersTo').mockReturnValue(false),
  ],
  [
    'execers',
    'that goes on watching the memory of what has ended',
    /to leave once/,
    () => vi.spyOn(MemoryWatch.prototype, 'stop').mockReturnValue(undefined),
  ],
  [
    'execers',
    'whose memory gauge stays up',
    /^R179 /,
    () =>
      vi.spyOn(MemoryWatch.prototype, 'end').mockImplementation(function (this: MemoryWatch) {
        this.stop();
      }),
  ],
  [
    'execers',
    'that cuts output and says nothing',
    /^R123 /,
    () => vi.spyOn(ProcessOutput.prototype, 'cut').mockReturnValue(undefined),
  ],
  [
    'execers',
    'that writes nothing',
    /^R(97|120|123) /,
    () => vi.spyOn(ProcessOutput.prototype, 'write').mockReturnValue(undefined),
  ],
  [
    'execers',
    'that states a smaller bound',
    /^R199 /,
    () => vi.spyOn(ProcessTable.prototype, 'cancelBoundMs', 'get').mockReturnValue(1),
  ],
  [
    'filers',
    'that forgets nothing it removes',
    /^R174 /,
    () => vi.spyOn(MemoryTree.prototype, 'remove').mockReturnValue(undefined),
  ],
  [
    'filers',
    'whose root is no directory',
    /^the root/,
    () => vi.spyOn(MemoryTree.prototype, 'kindOf').mockReturnValue(undefined),
  ],
  [
    'filers',
    'that heeds no plan',
    /^R175 /,
    () => vi.spyOn(BehaviourSource.prototype, 'next').mockReturnValue(undefined),
  ],
  [
    'filers',
    'that sees no second release',
    /^R175 /,
    () => vi.spyOn(FilerLedger.prototype, 'doubleRelease').mockReturnValue(undefined),
  ],
  [
    'filers',
    'that forgets what is open',
    /^open checkouts/,
    () => vi.spyOn(FilerLedger.prototype, 'endCheckout').mockReturnValue(undefined),
  ],
  [
    'outputs',
    'that drop nothing',
    /^R(160|167) /,
    () => vi.spyOn(MemoryOutputFolder.prototype, 'drop').mockReturnValue(true),
  ],
  [
    'outputs',
    'that close without their fault',
    /^(R169|closed)/,
    () => vi.spyOn(FaultyMemoryFile.prototype, 'close').mockReturnValue(undefined),
  ],
  [
    'outputs',
    'that lose what was written',
    /^R169 /,
    () => vi.spyOn(MemoryFile.prototype, 'bytes').mockReturnValue(new Uint8Array()),
  ],
  [
    'outputs',
    'that find nothing',
    /^R160 /,
    () => vi.spyOn(MemoryOutputFolder.prototype, 'find').mockReturnValue(undefined),
  ],
  [
    'metrics',
    'whose histograms are empty',
    /^all histograms/,
    () => vi.spyOn(MemoryHistogram.prototype, 'record').mockReturnValue(undefined),
  ],
  [
    'metrics',
    'whose samples are gone',
    /^the newest samples/,
    () => vi.spyOn(MemoryHistogram.prototype, 'samples', 'get').mockReturnValue([]),
  ],
];

/** The message of the first execution that fails; undefined if none does. */
async function firstFailure(name: Name, maxExecutions: number): Promise<string | undefined> {
  const strategy = portfolioStrategy(1);
  const { failures } = await runCampaign(createExecutor(SCENARIOS[name]), strategy, { maxExecutions });
  return failures[0]?.message;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the generic scenarios of parts', () => {
  test.for(Object.keys(SCENARIOS) as Name[])('%s is silent about the parts as they are', async (name) => {
    expect(await firstFailure(name, 500)).toBeUndefined();
  });

  test.for(BROKEN)('%s finds a part %s', async ([name, , message, breakIt]) => {
    breakIt();
    expect(await firstFailure(name, 3_000)).toMatch(message);
  });
});
