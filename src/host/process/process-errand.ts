/**
 * What trees want of the table of processes, done for all that ask in one turn of the event loop with the same looks: a look takes
 * as long as the machine has processes, and hundreds of commands may end at once. Invariant: from the first look of an errand to
 * its end nothing else runs, so that a pid that was seen cannot have become somebody else's through us.
 */
import { lookForMembers } from './process-look.ts';
import type { ProcessMembership } from './process-membership.ts';
import type { ProcessEntry } from './process-table.ts';

/** What one tree wants. */
export interface Errand {
  readonly membership: ProcessMembership;
  /** Comes before the first look. */
  begin(): void;
  /** A living member has come into sight; again in each look. */
  see(member: ProcessEntry): void;
  /** A look is over. True if another one has to follow at once. */
  looked(exact: boolean): boolean;
  /** Comes last, also if a look failed. */
  end(): void;
}

interface Waiting {
  readonly errand: Errand;
  readonly done: () => void;
  readonly failed: (reason: unknown) => void;
}

const LOOKS_MAX = 10;
const nextTurn = setImmediate;
let waiting: Waiting[] = [];

/** Does the errand with the next look that is taken; all that are asked for in one turn share it. Rejects if a look fails. */
export function doSoon(errand: Errand): Promise<void> {
  return new Promise((done, failed) => {
    if (waiting.push({ errand, done, failed }) === 1) nextTurn(doWaiting);
  });
}

function doWaiting(): void {
  const all = waiting;
  waiting = [];
  try {
    doTogether(all.map(({ errand }) => errand));
    for (const { done } of all) done();
  } catch (reason) {
    for (const { failed } of all) failed(reason);
  }
}

/**
 * Does errands now.
 *
 * @throws Error if the table of processes cannot be read.
 */
export function doTogether(errands: readonly Errand[]): void {
  const steps = [
    ...errands.map((errand) => () => errand.begin()),
    () => lookFor(errands),
    ...errands.map((errand) => () => errand.end()),
  ];
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (failure) {
      // Nobody's errand stays undone because another one's failed.
      failures.push(failure);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function lookFor(errands: readonly Errand[]): void {
  let unfinished = errands;
  for (let looks = 0; unfinished.length > 0 && looks < LOOKS_MAX; looks++) {
    const byMembership = new Map<ProcessMembership, Errand[]>();
    for (const errand of unfinished) {
      const same = byMembership.get(errand.membership);
      if (same === undefined) byMembership.set(errand.membership, [errand]);
      else same.push(errand);
    }
    const exact = lookForMembers([...byMembership.keys()], (membership, member) => {
      for (const errand of byMembership.get(membership) ?? []) errand.see(member);
    });
    unfinished = unfinished.filter((errand) => errand.looked(exact));
  }
}
