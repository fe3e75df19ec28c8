/**
 * Gives callers copies of a service's answers, so that later checks see each answer as it came, even if its receiver
 * changes it. Invariants: a receiver changes the service's own object, so that a service that still holds on to it is
 * detected (R39); an answer without the fields of the contract (R10, R15) is a failure here, and reaches no caller.
 */
import { interceptService } from '../../call/intercept-service.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import { membersOf } from '../../kernel/union-members.ts';
import { STATUS_FIELDS } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import type { Service } from '../../model/service.ts';
import type { QueryResult, StatusResult } from '../../model/status-reader.ts';
import { wrongAnswer } from '../../oracles/answer-form.ts';
import type { WorkloadHost } from './workload-host.ts';

/** The fields of answers, which may be getters of a class. */
const ANSWER_FIELDS: readonly string[] = [
  ...STATUS_FIELDS,
  'actionResult',
  ...membersOf<keyof ServiceStatus>({ initialized: true, isHealthy: true, error: true }),
  ...membersOf<keyof (StatusResult & QueryResult)>({ status: true, statuses: true, service: true }),
];

/** The answers of one service. */
export class GivenAnswers {
  readonly #host: Pick<WorkloadHost, 'check'>;
  readonly #originals = new WeakMap<object, object>();

  constructor(host: Pick<WorkloadHost, 'check'>) {
    this.#host = host;
  }

  /** The service with copies as answers, copied as deeply as receivers change them. */
  service(service: Service): Service {
    return interceptService(service, async (call, proceed) => {
      const answer = await proceed(call);
      this.#checkForm(call, answer);
      return this.#copyOf(answer);
    });
  }

  #checkForm({ method }: ServiceCall, answer: unknown): void {
    const wrong = wrongAnswer(method, answer);
    if (wrong !== undefined) this.#host.check(false, `R10 R15 ${wrong.text}`, wrong.cause);
  }

  /** The object that the service itself returned for this copy; the answer itself if that is unknown. */
  originalOf(answer: object): object {
    return this.#originals.get(answer) ?? answer;
  }

  /** A copy of plain data; any other value is returned unchanged. */
  #copyOf<T>(answer: T): T {
    if (typeof answer !== 'object' || answer === null) return answer;
    if (Array.isArray(answer)) {
      return this.#keep(answer, answer.map((item: unknown) => this.#copyOf(item)) as T);
    }
    const names = new Set([...Object.keys(answer), ...ANSWER_FIELDS.filter((name) => name in answer)]);
    const entries = Array.from(names, (name) => [name, this.#copyOf(Reflect.get(answer, name) as unknown)]);
    return this.#keep(answer, Object.fromEntries(entries) as T);
  }

  #keep<T>(original: object, copy: T): T {
    this.#originals.set(copy as object, original);
    return copy;
  }
}
