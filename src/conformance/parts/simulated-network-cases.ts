/**
 * The contract of a simulated network about its time, its faults and its history, as a list of cases. Invariant: each
 * case runs in the plain order of events, with exactly the faults that it asks for, so that everything that happens is
 * known.
 */
import { type PartCase, partCases } from './part-case.ts';
import { callLimitCases } from './simulated-network/call-limit-cases.ts';
import { copyCases } from './simulated-network/copy-cases.ts';
import { leavingCases } from './simulated-network/leaving-cases.ts';
import { linkFaultCases } from './simulated-network/link-fault-cases.ts';
import { messageCases } from './simulated-network/message-cases.ts';
import type { SimulatedNetworkSubject } from './simulated-network/network-case.ts';
import { nodeLifeCases } from './simulated-network/node-life-cases.ts';
import { nodeDiskCases } from './simulated-network/node-disk-cases.ts';
import { nodeErrorCases } from './simulated-network/node-error-cases.ts';
import { outageCases } from './simulated-network/outage-cases.ts';
import { refusalCases } from './simulated-network/refusal-cases.ts';
import { reportCases } from './simulated-network/report-cases.ts';
import { strikeCases } from './simulated-network/strike-cases.ts';
import { timeCases } from './simulated-network/time-cases.ts';

/**
 * The contract of a simulated network about its time, its faults, its nodes and its history, case by case: for
 * `createNetwork` of `dryrunner/cluster`, or your wrapper or replacement of it.
 *
 * @example
 * ```ts
 * import { createNetwork } from 'dryrunner/cluster';
 * import { simulatedNetworkCases } from 'dryrunner/conformance';
 * const cases = simulatedNetworkCases.filter(({ group }) => group === 'limits');
 * for (const each of cases) await each.prove({ name: 'mine', create: createNetwork });
 * ```
 */
export const simulatedNetworkCases: readonly PartCase<SimulatedNetworkSubject>[] = partCases({
  time: timeCases,
  copies: copyCases,
  limits: callLimitCases,
  messages: messageCases,
  faults: linkFaultCases,
  outages: outageCases,
  nodes: nodeLifeCases,
  leaving: leavingCases,
  errors: nodeErrorCases,
  strikes: strikeCases,
  disks: nodeDiskCases,
  refusals: refusalCases,
  reports: reportCases,
});
