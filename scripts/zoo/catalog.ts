// All bugs of the zoo, family by family, and the defects that it leaves out with the reason of each.
import type { Bug, LeftOut } from './bug.ts';
import { classicBugs } from './catalog/classic-bugs.ts';
import { collaboratorBugs } from './catalog/collaborator-bugs.ts';
import { domainBugs } from './catalog/domain-bugs.ts';
import { execerBugs } from './catalog/execer-bugs.ts';
import { fileBugs } from './catalog/file-bugs.ts';
import { invokerBugs } from './catalog/invoker-bugs.ts';
import { networkBugs } from './catalog/network-bugs.ts';
import { queueBugs } from './catalog/queue-bugs.ts';
import { raceBugs } from './catalog/race-bugs.ts';
import { remoteBugs } from './catalog/remote-bugs.ts';
import { storeBugs } from './catalog/store-bugs.ts';
import { workerBugs } from './catalog/worker-bugs.ts';

/** Every planted bug, in the order of the families. */
export const bugs: readonly Bug[] = [
  ...domainBugs,
  ...storeBugs,
  ...queueBugs,
  ...workerBugs,
  ...invokerBugs,
  ...collaboratorBugs,
  ...execerBugs,
  ...networkBugs,
  ...fileBugs,
  ...classicBugs,
  ...raceBugs,
  ...remoteBugs,
];

/** Numbers of docs/defects.md without a bug in the zoo. */
export const leftOut: readonly LeftOut[] = [
  { id: 'D8', reason: 'concerns comments and documents of the model' },
  {
    id: 'D33',
    reason: 'is a data race of threads; here one thread owns the service status and replaces it whole',
  },
  { id: 'D40', reason: 'is a number that was never given' },
  { id: 'D57', reason: 'burns processor time of the real machine, which virtual time does not have' },
  { id: 'D58', reason: 'is a data race of threads on a field that is polled; here the exit is an event' },
  {
    id: 'D62',
    reason:
      'needs a command with one sink alone, and runners give both; test/host/process/os-execer.test.ts proves it',
  },
  { id: 'D83', reason: 'is a data race of threads on a map; here one thread owns the outputs' },
  {
    id: 'D84',
    reason: 'leaks descriptors of the real machine in the HTTP server; test/host proves it there',
  },
  {
    id: 'D85',
    reason: 'is about URLs that the HTTP server of the real machine answers; test/host proves it there',
  },
  { id: 'D86', reason: 'is in the script of a page in a browser; test/host proves it there' },
  {
    id: 'D92',
    reason:
      'needs a kill at the memory cap on the Bazel path; test/runners/invocation/bazel-path.test.ts proves it',
  },
  { id: 'D93', reason: 'is a write into a map that is missing; here an absent environment is an empty one' },
  {
    id: 'D95',
    reason:
      'shows in how long an abort takes on the far side; test/runners/invocation/bazel-path.test.ts proves it',
  },
  {
    id: 'D99',
    reason: 'needs a filer that fails to ingest logs; test/runners/invocation/bazel-path.test.ts proves it',
  },
  {
    id: 'D100',
    reason: 'leaks descriptors by shadowed variables, which the compiler and lint refuse here',
  },
  {
    id: 'D102',
    reason: 'needs a request from another clock; test/runners/invocation/bazel-path.test.ts proves it',
  },
];
