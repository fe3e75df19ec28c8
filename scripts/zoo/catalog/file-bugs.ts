// Defects of outputs and filers.
import type { Bug } from '../bug.ts';

const memoryFiler = 'src/filers/memory-filer.ts';
const pending = 'src/filers/sim-filer.ts';

/** B8 of docs/defects.md, and of B9 what any filer can do wrong. */
export const fileBugs: readonly Bug[] = [
  {
    id: 'D87',
    title: 'outputs are never dropped',
    scenario: 'shared-files',
    knows: "the scenario ends with outputs that are in nobody's use, only to count how many are kept",
    edits: [
      {
        file: 'src/outputs/memory-output.ts',
        find: '    if (this.#count > this.#maxOutputs) this.#dropAt(this.#firstHeld());\n',
        replace: '',
      },
    ],
  },
  {
    id: 'D88',
    title: 'the release of a checkout at a place of the caller frees another place',
    scenario: 'shared-files',
    edits: [
      {
        file: memoryFiler,
        find: '    this.tree.remove(at);\n',
        replace: "    this.tree.remove(`${CHECKOUTS}/${dir.slice(dir.lastIndexOf('/') + 1)}`);\n",
      },
    ],
  },
  {
    id: 'D89',
    title: 'a second release takes the place from a checkout that has got it meanwhile',
    scenario: 'shared-files',
    knows: 'the scenario gives a checkout back twice, just after somebody else has got its place',
    edits: [
      {
        file: memoryFiler,
        find: 'if (!isReleased) this.#release(dir);\n',
        replace: 'this.#release(dir);\n',
      },
      {
        file: 'src/filers/sim-filer.ts',
        find: '      if (isReleased) this.#ledger.doubleRelease(id);\n',
        replace: '      if (isReleased) return made.release();\n',
      },
    ],
  },
  {
    id: 'D90',
    title: 'the error of making the directory of a checkout is hidden',
    scenario: 'shared-files',
    knows: 'one of the places of the scenario is a file, the one kind of place that shows it',
    edits: [
      {
        file: memoryFiler,
        find: '    this.tree.putUnder(dir, snapshot);\n',
        replace:
          '    try {\n      this.tree.putUnder(dir, snapshot);\n    } catch {\n      // Nobody hears of it.\n    }\n',
      },
      {
        file: memoryFiler,
        find: "    if ((this.tree.kindOf(dir) ?? 'dir') !== 'dir' || this.tree.entriesUnder(dir).size > 0) {\n",
        replace: '    if (this.tree.entriesUnder(dir).size > 0) {\n',
      },
    ],
  },
  {
    id: 'D96',
    title: 'a cancel that meets the end of what it cancels blocks for good',
    scenario: 'shared-files',
    edits: [
      {
        file: pending,
        find: '    this.#leaveNothing();\n    try {\n',
        replace:
          '    const wasCancelled = this.#ending !== undefined;\n    this.#leaveNothing();\n    if (wasCancelled) return;\n    try {\n',
      },
    ],
  },
  {
    id: 'D97',
    title: 'a cancel just before the operation starts is lost',
    scenario: 'shared-files',
    edits: [
      {
        file: pending,
        find: '    if (isCancelled(heeded)) {\n      this.cancelRequested();\n      return;\n    }\n',
        replace: '',
      },
    ],
  },
  {
    id: 'D98',
    title: 'a checkout is removed without its contents, which fails',
    scenario: 'shared-files',
    edits: [
      {
        file: memoryFiler,
        find: 'if (!isReleased) this.#release(dir);\n',
        replace: 'if (!isReleased && this.tree.entriesUnder(dir).size === 0) this.#release(dir);\n',
      },
    ],
  },
];
