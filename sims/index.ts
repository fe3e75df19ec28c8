/** The shipped scenarios, in the order in which they are run. Each is written as a user of the package would write it. */
import type { ScenarioDefinition } from 'dryrunner';
import { filerFaults } from './filer-faults.ts';
import { lostReply } from './lost-reply.ts';
import { pollingClient } from './polling-client.ts';
import { restart } from './restart.ts';
import { thetaPool } from './theta-pool.ts';
import { threeRunnersTwoAborts } from './three-runners-two-aborts.ts';
import { timeoutRace } from './timeout-race.ts';

export const scenarios: readonly ScenarioDefinition[] = [
  thetaPool,
  timeoutRace,
  lostReply,
  restart,
  filerFaults,
  pollingClient,
  threeRunnersTwoAborts,
];
