/**
 * The generic scenarios by their names: workloads over every shipped runner and part, which know the contract and no bug. Each is loaded
 * when it is wanted.
 */
import type { ScenarioDefinition } from 'dryrunner';

export const genericScenarios: Readonly<Record<string, () => Promise<ScenarioDefinition>>> = {
  'generic-simulated': async () => (await import('./simulated.ts')).simulated,
  'generic-simulated-scripts': async () => (await import('./simulated-scripts.ts')).simulatedScripts,
  'generic-store': async () => (await import('./store.ts')).statusStore,
  'generic-simulated-parts': async () => (await import('./simulated-parts.ts')).simulatedParts,
  'generic-fake': async () => (await import('./fake.ts')).fake,
  'generic-remote': async () => (await import('./services.ts')).remote,
  'generic-pool': async () => (await import('./services.ts')).pool,
  'generic-fleet': async () => (await import('./fleet.ts')).fleet,
  'generic-polled': async () => (await import('./services.ts')).polled,
  'generic-polling': async () => (await import('./polling.ts')).polling,
  'generic-node': async () => (await import('./node.ts')).node,
  'generic-chaos': async () => (await import('./chaos.ts')).chaosRunner,
  'generic-values': async () => (await import('./values.ts')).values,
  'generic-recording': async () => (await import('./recording.ts')).recording,
  'generic-disk': async () => (await import('./disk.ts')).disk,
  'generic-links': async () => (await import('./links.ts')).links,
  'generic-locks': async () => (await import('./locks.ts')).locks,
  'generic-execers': async () => (await import('./execers.ts')).execers,
  'generic-filers': async () => (await import('./filers.ts')).filers,
  'generic-outputs': async () => (await import('./outputs.ts')).outputs,
  'generic-metrics': async () => (await import('./metrics.ts')).metrics,
  'generic-calls': async () => (await import('./calls.ts')).calls,
  'generic-nodes': async () => (await import('./nodes.ts')).nodes,
};
