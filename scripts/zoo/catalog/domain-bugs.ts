// Defects of the domain: masks, texts, and the functions that look a status up.
import type { Bug } from '../bug.ts';

const stateMask = 'src/model/state-mask.ts';

/** B1 of docs/defects.md but for D4, D7 and what is left out. */
export const domainBugs: readonly Bug[] = [
  {
    id: 'D1',
    title: 'the masks of UNKNOWN and PENDING are swapped',
    scenario: 'status-board',
    edits: [
      {
        file: stateMask,
        find: "export const UNKNOWN_MASK: StateMask = maskForState('UNKNOWN');",
        replace: "export const UNKNOWN_MASK: StateMask = maskForState('PENDING');",
      },
      {
        file: stateMask,
        find: "export const PENDING_MASK: StateMask = maskForState('PENDING');",
        replace: "export const PENDING_MASK: StateMask = maskForState('UNKNOWN');",
      },
    ],
  },
  {
    id: 'D2',
    title:
      'a remote reader answers an unknown id with an empty list, and a caller that reads its first entry crashes',
    scenario: 'status-board',
    knows:
      'the scenario asks a copy of the statuses for a run that does not exist, the one input that shows it',
    edits: [
      {
        file: 'src/store/statuses-ro.ts',
        find: '    const records = listedRecords(query, this.#table);\n',
        replace:
          '    const runs = query.runs?.filter((runId) => this.#table.get(runId) !== undefined) ?? [];\n' +
          '    const records = listedRecords({ ...query, runs }, this.#table);\n',
      },
    ],
  },
  {
    id: 'D3',
    title: 'the first of an empty list is taken, which is a crash for every query that timed out',
    scenario: 'status-board',
    knows: 'the scenario hands every empty answer to singleStatus, and expects the one error of it',
    edits: [
      {
        file: 'src/model/status-lookup.ts',
        find: '  if (status === undefined) throw new NoStatusError(service);\n',
        replace: "  if (status === undefined) throw new RangeError('index out of range');\n",
      },
    ],
  },
  {
    id: 'D5',
    title: 'a run that fails without an error is a null dereference',
    scenario: 'status-board',
    knows: 'the scenario fails a run with an error that is none, the one input that shows it',
    edits: [
      {
        file: 'src/model/run-status.ts',
        find: "  if (!isExitCodeError(error)) throw invalidArgument('error', 'an error with an exit code', error);\n",
        replace: '',
      },
    ],
  },
  {
    id: 'D6',
    title: 'a mask of several states is shown as nothing',
    scenario: 'status-board',
    knows: 'the scenario shows every mask that it waits for as text, only to compare its states',
    edits: [
      {
        file: stateMask,
        find: "  return RUN_STATES.filter((state) => maskMatches(mask, state)).join('|');\n",
        replace: "  return '';\n",
      },
    ],
  },
  {
    id: 'D9',
    title: 'UNKNOWN is terminal in one layer and not done in another',
    scenario: 'status-board',
    edits: [
      {
        file: stateMask,
        find: 'maskForState(...TERMINAL_STATES)',
        replace: "maskForState(...TERMINAL_STATES.filter((state) => state !== 'UNKNOWN'))",
      },
    ],
  },
];
