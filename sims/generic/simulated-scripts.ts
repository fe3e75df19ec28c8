/** The simulated runner under the workload of any runner, with scripts that say the same in more words: children, memory, comments, pieces. */
import {
  createSimulatedRunner,
  simScript,
  simStep,
  type Command,
  type ScenarioDefinition,
  type SimStep,
} from 'dryrunner';
import { runnerWorkload, simCommands, supportsAllBut, type CommandVocabulary } from 'dryrunner/conformance';

const script = (...steps: readonly SimStep[]): Command => ({ argv: simScript(...steps) });

/** In pieces, as programs write. */
function pieces(text: string, write: (text: string) => SimStep): SimStep[] {
  const half = Math.ceil(text.length / 2);
  return [text.slice(0, half), text.slice(half)].filter((piece) => piece !== '').map(write);
}

const commands: CommandVocabulary = {
  ...simCommands,
  exit(exitCode, afterMs = 0) {
    const naps = [simStep.sleep(afterMs / 2), simStep.fork(), simStep.sleep(afterMs - afterMs / 2)];
    // A script that runs out has ended well (R139).
    const last = exitCode === 0 ? [simStep.comment(' done')] : [simStep.complete(exitCode), simStep.hang()];
    return script(simStep.mem(1_000), ...(afterMs === 0 ? [] : naps), ...last);
  },
  hang: () => script(simStep.comment(' until somebody comes'), simStep.fork(), simStep.pause()),
  write(stdout, stderr, afterMs = 0) {
    const written = [
      ...pieces(stdout, (text) => simStep.stdout(text)),
      ...pieces(stderr, (text) => simStep.stderr(text)),
    ];
    return script(...written, simStep.sleep(afterMs), simStep.mem(5), simStep.complete(0));
  },
  writeAndHang: (stdout) =>
    script(...pieces(stdout, (text) => simStep.stdout(text)), simStep.orphan(), simStep.hang()),
  stubborn: () => script(simStep.ignoreTerm(), simStep.fork(), simStep.sleep(5), simStep.hang()),
  killedBy: (signal) => script(simStep.fork(), simStep.signal(signal)),
  lost: (exitCode, text) => script(simStep.mem(7), simStep.fail(exitCode, text)),
};

export const simulatedScripts: ScenarioDefinition<unknown> = runnerWorkload({
  name: 'simulated scripts',
  supports: supportsAllBut({}),
  commands,
  graceMs: 10_000,
  create(world, options) {
    const runner = createSimulatedRunner(world, options);
    return { service: runner, readOutput: (uri) => runner.outputs.find(uri)?.text() ?? '' };
  },
});
