// Races that every text on concurrency shows: nothing but the order of what is due decides them, and no time passes. They are here so
// that tools which order promises, and know no time, can be compared.
import type { Bug } from '../bug.ts';

/** The order races. */
export const raceBugs: readonly Bug[] = [
  {
    id: 'race-lost-update',
    title: 'a client writes over what another has written since it read',
    scenario: 'race-lost-update',
    edits: [
      {
        file: 'sims/zoo/race-lost-update.ts',
        find: '    if (this.value !== expected) return false;\n',
        replace: '',
      },
    ],
  },
  {
    id: 'race-late-cancel',
    title: 'a cancel between reserving and using leaves the reservation',
    scenario: 'race-late-cancel',
    edits: [
      {
        file: 'sims/zoo/race-late-cancel.ts',
        find: '    if (this.reserved) this.reserved = false;\n',
        replace: '',
      },
    ],
  },
  {
    id: 'race-reused-version',
    title: 'the version comes round, so that eight updates look like none',
    scenario: 'race-reused-version',
    edits: [
      {
        file: 'sims/zoo/race-reused-version.ts',
        find: '    this.version += 1;\n',
        replace: '    this.version = (this.version + 1) % 8;\n',
      },
    ],
  },
  {
    id: 'race-lock-order',
    title: 'each transfer locks its own account first, so that all can wait for each other',
    scenario: 'race-lock-order',
    knows: 'the three transfers of the scenario are the circle that it takes',
    edits: [
      {
        file: 'sims/zoo/race-lock-order.ts',
        find: '[...accounts].sort()',
        replace: 'accounts',
      },
    ],
  },
];
