/**
 * A runner whose every answer is checked against the contract. Invariant: the first violation is the failure. A
 * violation that a command in the background notices cannot end the sequence, so every later call throws it.
 */
import { isInstance } from '../kernel/argument-check.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { interceptService } from '../call/intercept-service.ts';
import { unknownRunMessage } from '../model/messages.ts';
import type { Service, ServiceMethod } from '../model/service.ts';
import type { World } from '../model/world.ts';
import { wrongAnswer } from '../oracles/answer-form.ts';
import { ContractBrokenError } from '../oracles/contract-broken-error.ts';
import type { Violation } from '../oracles/oracle.ts';
import { watchAnswers, type WatchedAnswers } from '../oracles/watch-answers.ts';
import type { CallHistory } from './call-history.ts';
import { forgottenText } from './runner-command.ts';
import type { RunnerModel } from './runner-model.ts';

/** The checked runner, see the top of the file. */
export class HeldService {
  readonly service: Service;
  readonly watched: WatchedAnswers;
  /** The first violation. */
  first: ContractBrokenError | undefined;
  readonly #violations: Violation[] = [];
  readonly #model: RunnerModel;

  constructor(world: World, runner: Service, model: RunnerModel, history: CallHistory) {
    this.#model = model;
    this.watched = watchAnswers(world, runner, (violation) => this.#violations.push(violation));
    this.service = interceptService(this.watched, async (call, proceed) => {
      this.throwAny();
      const answer = await history.note(call, proceed).catch((error: unknown) => {
        throw this.#forgotten(call.method, error) ?? error;
      });
      // Checked first, because a malformed answer also breaks other rules, whose messages are less helpful.
      checkForm(call.method, answer);
      this.throwAny();
      return answer;
    });
  }

  readonly note = (error: unknown): void => {
    if (isInstance(error, ContractBrokenError)) this.first ??= error;
  };

  throwAny(): void {
    for (const { rule, message } of this.#violations.splice(0)) {
      this.note(new ContractBrokenError(rule, message));
    }
    if (this.first !== undefined) throw this.first;
  }

  /** The violation if the runner does not know a run that it accepted. */
  #forgotten(method: ServiceMethod, error: unknown): ContractBrokenError | undefined {
    if (!isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) return undefined;
    const run = this.#model.runs.find(({ runId }) => unknownRunMessage(runId) === error.message);
    if (run === undefined) return undefined;
    const text = `${method}: expected run ${run.runId} to be known, as it was accepted, got "${error.message}"`;
    return new ContractBrokenError('R47', `${text}: ${forgottenText(run)}`);
  }
}

/** R10, R15: an answer without the required fields is refused before anything is read from it. */
export function checkForm(method: ServiceMethod, answer: unknown): void {
  const wrong = wrongAnswer(method, answer);
  if (wrong === undefined) return;
  const { text, ...options } = wrong;
  throw new ContractBrokenError('R10', text, [], options);
}
