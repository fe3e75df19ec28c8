/**
 * The answers of a service, as values: who looks at one later sees it as it came, though its receiver may change it. Invariants: what the
 * receiver changes is the service's own object, so that a service which still holds on to it is found (R39); an answer without the fields of
 * the contract (R10, R15) is a failure here, and reaches no caller.
 */
import * as is from '../../kernel/shape.ts';
import { interceptService } from '../../call/intercept-service.ts';
import type { ServiceCall } from '../../call/service-call.ts';
import type { Service, ServiceMethod } from '../../model/service.ts';
import type { QueryResult, StatusResult } from '../../model/status-reader.ts';
import { RUN_STATUS_SHAPE, SERVICE_STATUS_SHAPE } from '../../trace/model-shapes.ts';
import { mismatchText } from '../answer-texts.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A status may carry more than the contract says. */
const RUN_STATUS: is.Shape = { ...RUN_STATUS_SHAPE, open: true, says: 'the status of a run' };
const SERVICE_STATUS: is.Shape = { ...SERVICE_STATUS_SHAPE, open: true, says: 'the status of the service' };
const STATUS_RESULT = is.objectOf<StatusResult>(
  'an object with status and service',
  { status: RUN_STATUS, service: SERVICE_STATUS },
  {},
);
const QUERY_RESULT = is.objectOf<QueryResult>(
  'an object with statuses and service',
  { statuses: is.listOf(RUN_STATUS), service: SERVICE_STATUS },
  {},
);
const ANSWERS: Readonly<Record<ServiceMethod, is.Shape>> = {
  run: RUN_STATUS,
  abort: RUN_STATUS,
  query: QUERY_RESULT,
  queryNow: QUERY_RESULT,
  status: STATUS_RESULT,
  statusAll: QUERY_RESULT,
  release: is.ANY,
};

/** The answers of one service. */
export class GivenAnswers {
  readonly #host: Pick<WorkloadHost, 'check'>;
  readonly #originals = new WeakMap<object, object>();

  constructor(host: Pick<WorkloadHost, 'check'>) {
    this.#host = host;
  }

  /** The service with answers that are copies, as deep as a receiver changes them. */
  service(service: Service): Service {
    return interceptService(service, async (call, goOn) => {
      const answer = await goOn(call);
      this.#checkForm(call, answer);
      return this.#copyOf(answer);
    });
  }

  #checkForm({ method }: ServiceCall, answer: unknown): void {
    const wrong = mismatchText(`${method}()`, answer, ANSWERS[method]);
    if (wrong !== undefined) this.#host.check(false, `R10 R15 ${wrong.text}`, wrong.cause);
  }

  /** What the service itself has given out; the answer itself if that is not known. */
  originalOf(answer: object): object {
    return this.#originals.get(answer) ?? answer;
  }

  /** Of anything but plain data there is no copy. */
  #copyOf<T>(answer: T): T {
    if (typeof answer !== 'object' || answer === null) return answer;
    if (Array.isArray(answer)) {
      return this.#keep(answer, answer.map((item: unknown) => this.#copyOf(item)) as T);
    }
    const entries = Object.entries(answer).map(([name, value]) => [name, this.#copyOf(value as unknown)]);
    return this.#keep(answer, Object.fromEntries(entries) as T);
  }

  #keep<T>(original: object, copy: T): T {
    this.#originals.set(copy as object, original);
    return copy;
  }
}
