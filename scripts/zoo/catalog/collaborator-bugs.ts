// Defects around the collaborators of a run: its directory, its logs and their texts, processors and monitors.
import type { Bug } from '../bug.ts';

const checkoutPhase = 'src/runners/invocation/checkout-phase.ts';
const outputsPhase = 'src/runners/invocation/outputs-phase.ts';

/** The rest of B4 of docs/defects.md, with D7 and D101. */
export const collaboratorBugs: readonly Bug[] = [
  {
    id: 'D7',
    title: 'the log shows the environment in the order of its map',
    scenario: 'one-run',
    knows:
      'the scenario swaps the keys of an environment and looks for their order in the log, the one input and check that show it',
    edits: [{ file: 'src/model/command.ts', find: '    .sort()\n', replace: '' }],
  },
  {
    id: 'D7b',
    title: 'the log shows the secrets of the environment',
    scenario: 'one-run',
    knows:
      'the scenario puts a secret into the environment and looks for it in the log, the one check that shows it',
    edits: [
      {
        file: 'src/runners/invocation/log-header.ts',
        find: 'formatCommand(command, { redactEnv: true })',
        replace: 'formatCommand(command)',
      },
    ],
  },
  {
    id: 'D45',
    title: 'the temporary directory of a run without a snapshot is never removed',
    scenario: 'one-run',
    edits: [
      {
        file: checkoutPhase,
        find: '    if (checkout === undefined) return undefined;\n    return release(run, checkout);\n',
        replace:
          '    if (checkout === undefined) return undefined;\n' +
          "    if (!hasSnapshot(run)) return run.freed('checkout', checkoutName(run));\n" +
          '    return release(run, checkout);\n',
      },
    ],
  },
  {
    id: 'D49',
    title: 'the error of a release is dropped',
    scenario: 'one-run',
    edits: [
      {
        file: checkoutPhase,
        find: "    (error) => run.recorded('release', error, EXIT_CODES.CHECKOUT_RELEASE),\n",
        replace: '    () => undefined,\n',
      },
    ],
  },
  {
    id: 'D49b',
    title: 'the errors of processors are dropped',
    scenario: 'one-run',
    edits: [
      {
        file: 'src/runners/invocation/processors-phase.ts',
        find: '    } catch (error) {\n      run.recorded(processor.name, error);\n    }\n',
        replace: '    } catch {\n      continue;\n    }\n',
      },
    ],
  },
  {
    id: 'D50',
    title: 'the logs of a run that began over its memory cap are not uploaded, others of memory are',
    scenario: 'one-run',
    edits: [
      {
        file: 'src/runners/invocation/invocation-reducer.ts',
        find: 'error: status.error, uploads: true };\n}',
        replace: "error: status.error, uploads: state !== 'FAILED' };\n}",
      },
    ],
  },
  {
    id: 'D53',
    title: 'a missing monitor of directories crashes the run',
    scenario: 'one-run',
    edits: [
      { file: outputsPhase, find: '  if (dirMonitor === undefined) return undefined;\n', replace: '' },
      {
        file: outputsPhase,
        find: "  return orElse(measure, (error) => run.recorded('dirMonitor', error));\n",
        replace: '  return measure();\n',
      },
    ],
  },
  {
    id: 'D101',
    title: 'an id with more parts than a Bazel one is taken for one, and nobody serves it',
    scenario: 'one-run',
    knows: 'one of the three snapshot ids of the scenario is that very id',
    edits: [
      {
        file: 'src/model/digest.ts',
        find: '(-1|\\d+)$/;',
        replace: '(-1|\\d+)/;',
      },
    ],
  },
];
