/** Runs one scenario on threads in a command that signals may end, reporting to a person or a program. */
import { ScenarioRefusedError } from '../threads/thread-supervisor.ts';
import { UsageError } from './exit-status.ts';
import type { ExploreCommandOptions } from './explore-options.ts';
import { Interruption } from './interruption.ts';
import { type NamedScenario, UnknownScenarioError } from './scenario-loader.ts';
import type { Terminal } from './terminal.ts';

/** Options of all commands that run scenarios on threads. */
export type ThreadCommandOptions = Pick<ExploreCommandOptions, 'hang' | 'memory' | 'json'>;

/** What the parts of such a command share. */
export interface ScenarioSession<Options extends ThreadCommandOptions = ThreadCommandOptions> {
  readonly terminal: Terminal;
  readonly scenario: NamedScenario;
  readonly options: Options;
  readonly interruption: Interruption;
}

/** Why a scenario was not run. */
export interface RefusedScenario {
  readonly message: string;
  readonly code: string | undefined;
}

/**
 * Does the work of such a command, with signals handled.
 *
 * @throws UsageError (rejects) if there is no such scenario, or it cannot be loaded in a thread; `refusalText` words
 * the message for what was typed.
 */
export async function interruptible<T>(
  terminal: Terminal,
  work: (interruption: Interruption) => Promise<T>,
  refusalText = ({ message }: RefusedScenario): string => message,
): Promise<T> {
  const interruption = new Interruption();
  try {
    return await work(interruption);
  } catch (error) {
    if (error instanceof ScenarioRefusedError || error instanceof UnknownScenarioError) {
      throw new UsageError(refusalText(error));
    }
    throw error;
  } finally {
    terminal.progress('');
    interruption.dispose();
  }
}
