// Asks the rule about references and prints what it says to each, for a folder in which a test cannot run.
import { checkAllowedScenario } from '../../src/cli/allowed-scenario.ts';

const { references, allow } = JSON.parse(process.argv[2] ?? '') as {
  readonly references: readonly string[];
  readonly allow: readonly string[];
};
const answers = await Promise.all(
  references.map((reference) =>
    checkAllowedScenario(reference, allow).then(
      () => 'allowed',
      (error: unknown) => (error as Error).message,
    ),
  ),
);
process.stdout.write(JSON.stringify(answers));
