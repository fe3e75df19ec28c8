// Every option that the exploration could give is given by some execution. The list is that of the types, so that a new option is asked for here.
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { simCommands } from '../../../src/conformance/command-vocabulary.ts';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import type { ConformanceSubject, SubjectOptions } from '../../../src/conformance/subject.ts';
import { runnerWorkload } from '../../../src/conformance/workload/runner-workload.ts';
import { interceptService } from '../../../src/call/intercept-service.ts';
import type { Service } from '../../../src/model/service.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { createQueueRunner } from '../../../src/runners/queue/create-queue-runner.ts';
import { createSimExecer } from '../../../src/execers/sim-execer.ts';
import { virtualTempDirs } from '../../../src/runners/virtual-temp-dirs.ts';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import { projectRoot } from '../../../scripts/module-graph.ts';
import { simulate } from '../../../src/simulation/simulate.ts';

/** The types whose fields an execution may set: of runners, of what runs on them, and of what they are asked. */
const TYPES: Readonly<Record<string, string>> = {
  SubjectOptions: 'src/conformance/subject.ts',
  PlannedMachine: 'src/conformance/subject.ts',
  FilerAndInit: 'src/model/run-type.ts',
  Filer: 'src/model/filer.ts',
  Execer: 'src/model/execer.ts',
  Command: 'src/model/command.ts',
  Query: 'src/model/query.ts',
  Wait: 'src/model/query.ts',
};

/** What no execution sets, and why. */
const NEVER: Readonly<Record<string, string>> = {
  'SubjectOptions.actions':
    'Bazel runs need an action that exists: cases of group bazel check them (R184–R198)',
  'Command.executeRequest':
    'Bazel runs need an action that exists: cases of group bazel check them (R184–R198)',
};

const SEEDS = 400;

/** The fields of the types, inherited ones too, without methods. */
function fieldsOfTypes(): string[] {
  const paths = Object.values(TYPES).map((path) => join(projectRoot, path));
  const program = ts.createProgram(paths, {
    ...{ noLib: true, noEmit: true, strict: true, allowImportingTsExtensions: true },
    ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  });
  const checker = program.getTypeChecker();
  return Object.entries(TYPES).flatMap(([name, path]) => {
    const source = program.getSourceFile(join(projectRoot, path));
    const declared = source?.statements.find(
      (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
    );
    if (declared === undefined) throw new Error(`expected an interface ${name} in ${path}`);
    return checker
      .getPropertiesOfType(checker.getTypeAtLocation(declared))
      .filter(({ flags }) => (flags & ts.SymbolFlags.Method) === 0)
      .map((field) => `${name}.${field.name}`);
  });
}

const FIELDS = fieldsOfTypes();

/** Notes the fields of what it is shown. */
class Seen {
  readonly fields = new Set<string>();

  note(type: string, value: object | undefined): void {
    for (const [field, set] of Object.entries(value ?? {})) {
      if (set !== undefined) this.fields.add(`${type}.${field}`);
    }
  }

  /** Of an object whose fields may be getters of its class: those of the list. */
  named(type: string, value: object): void {
    for (const name of FIELDS) {
      const field = name.slice(type.length + 1);
      if (name.startsWith(`${type}.`) && Reflect.get(value, field) !== undefined) this.fields.add(name);
    }
  }

  options(options: SubjectOptions): void {
    this.note('SubjectOptions', options);
    for (const entry of options.filers?.values() ?? []) {
      this.note('FilerAndInit', entry);
      this.named('Filer', entry.filer);
    }
  }

  service(service: Service): Service {
    return interceptService(service, (call, proceed) => {
      if (call.method === 'run') this.note('Command', call.args[0]);
      if (call.method === 'query' || call.method === 'queryNow') this.note('Query', call.args[0]);
      if (call.method === 'query') this.note('Wait', call.args[1]);
      return proceed(call);
    });
  }
}

function subjectOf(seen: Seen): ConformanceSubject {
  return {
    name: 'looks at what it gets',
    supports: supportsAllBut({ outputs: 'not looked at', actions: 'not looked at' }),
    commands: simCommands,
    create(world, options) {
      seen.options(options);
      const service = createQueueRunner(world, {
        execer: createSimExecer({ clock: world.clock }),
        filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
        outputs: createMemoryOutputs(),
        tempDirs: virtualTempDirs(),
        ...options,
      });
      return { service: seen.service(service) };
    },
    createOn(world, { filers = new Map(), ...options }, machine) {
      seen.options({ ...options, filers });
      seen.note('PlannedMachine', machine);
      seen.named('Execer', machine.execer);
      const { outputs, ...own } = machine;
      const all = { ...options, ...own, filers, outputs: outputs(createMemoryOutputs()) };
      return { service: seen.service(createQueueRunner(world, all)) };
    },
  };
}

test('some execution sets every option of every part, or the table says why none does', async () => {
  const seen = new Seen();
  const { run } = runnerWorkload(subjectOf(seen));
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { failure } = await simulate({ seed, scenario: (sim) => run(sim, undefined) });
    expect(failure?.message).toBeUndefined();
  }
  expect(FIELDS.filter((field) => !seen.fields.has(field)).sort()).toEqual(Object.keys(NEVER).sort());
});
