/**
 * What a simulated network promises of its time, its faults and its history, as a list of cases. Invariant: each case plays in the plain order of
 * events with just the faults that it asks for, so that all that happens is known.
 */
import { type PartCase, partCases } from './part-case.ts';
import { limits } from './simulated-network/call-limit-cases.ts';
import { copies } from './simulated-network/copy-cases.ts';
import { leaving } from './simulated-network/leaving-cases.ts';
import { faults } from './simulated-network/link-fault-cases.ts';
import { messages } from './simulated-network/message-cases.ts';
import type { SimulatedNetworkSubject } from './simulated-network/network-case.ts';
import { nodes } from './simulated-network/node-life-cases.ts';
import { disks } from './simulated-network/node-disk-cases.ts';
import { errors } from './simulated-network/node-error-cases.ts';
import { outages } from './simulated-network/outage-cases.ts';
import { refusals } from './simulated-network/refusal-cases.ts';
import { reports } from './simulated-network/report-cases.ts';
import { strikes } from './simulated-network/strike-cases.ts';
import { time } from './simulated-network/time-cases.ts';

/**
 * What a simulated network promises of its time, its faults, its nodes and its history, case by case: `createNetwork` of `dryrunner/cluster`,
 * or what you have put before or in place of it.
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
  ...{ time, copies, limits, messages, faults, outages, nodes, leaving, errors, strikes, disks },
  ...{ refusals, reports },
});
