// A process that runs unit tests on one mutant after the other, with what Vitest has transformed kept between them. Takes a UnitTask per
// message, answers with a UnitAnswer. Invariant: only the mutated file differs from the checkout.
import { join } from 'node:path';
import process from 'node:process';
import { BaseSequencer, createVitest, type TestModule, type TestSpecification } from 'vitest/node';
import { projectRoot } from '../module-graph.ts';
import type { UnitAnswer, UnitTask } from './unit-tests.ts';

/** For a promise that never settles; a busy machine takes long for what an idle one does at once. */
const TEST_TIMEOUT_MS = 60_000;

const LIFE_MS = 500;

/** Vitest has an order of its own, by what took long; this one keeps the order that was asked for. */
class GivenOrder extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files);
  }
}

let shownAt = 0;

/** Not more often than is of use: some files have thousands of cases. */
function showLife(): void {
  if (performance.now() - shownAt < LIFE_MS) return;
  shownAt = performance.now();
  process.send?.('alive');
}

let overlay: { readonly path: string; readonly text: string } | undefined;

const vitest = await createVitest(
  'test',
  {
    root: projectRoot,
    config: join(projectRoot, 'vitest.mutants.config.ts'),
    watch: false,
    reporters: [{ onTestModuleStart: showLife, onTestCaseResult: showLife, onTestModuleEnd: showLife }],
    pool: 'forks',
    isolate: false,
    maxWorkers: 1,
    bail: 1,
    testTimeout: TEST_TIMEOUT_MS,
    sequence: { sequencer: GivenOrder },
  },
  {
    plugins: [
      {
        name: 'mutant',
        enforce: 'pre',
        load: (id: string) => (id.split('?')[0] === overlay?.path ? overlay?.text : undefined),
      },
    ],
  },
);
const project = vitest.getRootProject();

/** Forgets what was made of a file. */
function forget(path: string): void {
  for (const { moduleGraph } of Object.values(project.vite.environments)) moduleGraph.onFileChange(path);
}

function failureOf(modules: readonly TestModule[]): UnitAnswer {
  for (const module of modules) {
    const test = module.moduleId.slice(projectRoot.length + 1);
    for (const failed of module.children.allTests('failed')) {
      const message = failed.result().errors?.[0]?.message ?? '';
      return { killed: true, test, title: failed.fullName, message };
    }
    const [error] = [
      ...module.errors(),
      ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
    ];
    if (error !== undefined) return { killed: true, test, title: 'the file itself', message: error.message };
  }
  return { killed: false };
}

async function answer({ file, text, tests }: UnitTask): Promise<UnitAnswer> {
  const path = join(projectRoot, file);
  // Else the results of earlier mutants are among those of this one.
  for (const kept of [vitest.state.filesMap, vitest.state.idMap, vitest.state.errorsSet]) kept.clear();
  overlay = { path, text };
  forget(path);
  try {
    const specifications = tests.map((test) => project.createSpecification(join(projectRoot, test)));
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, false);
    const failure = failureOf(testModules);
    const [unhandled] = unhandledErrors as readonly { readonly message?: string }[];
    if (failure.killed || unhandled === undefined) return failure;
    return {
      killed: true,
      test: tests[0] ?? '',
      title: 'an unhandled error',
      message: unhandled.message ?? '',
    };
  } finally {
    overlay = undefined;
    forget(path);
  }
}

process.on('message', (task: UnitTask) => {
  void answer(task).then((given) => process.send?.(given));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
