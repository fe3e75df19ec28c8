/**
 * Records the calls of a workload's clients in the trace, in the form of calls between nodes: the history of a failure
 * then shows who called what and the outcome. Invariant: a call is passed on in the same synchronous call, and its
 * outcome passes unchanged.
 */
import { interceptService } from '../../call/intercept-service.ts';
import { ownCall, type ServiceCall } from '../../call/service-call.ts';
import { isRunnerError, messageOf } from '../../kernel/errors.ts';
import type { Service } from '../../model/service.ts';
import type { MessageKind, MessageStep } from '../../model/trace-event.ts';
import type { OngoingWait } from '../../model/wait-watch.ts';
import type { World } from '../../model/world.ts';
import { argumentsText, replyText } from '../../explore/explain/answer-texts.ts';

/** Above the ids of all messages of a network. */
const FIRST_ID = 1_000_000_000;
/** A longer text would hide the others. */
const TEXT_MAX = 60;

/** Who calls which method of whom, with the arguments as a text. */
export interface TracedCall {
  readonly client: string;
  readonly callee: string;
  readonly name: string;
  readonly args: () => string;
}

/** The answer that a call should have got by now, with the rules that say so; undefined if it is owed none. */
export type OwedAnswer<Call> = (call: Call, sinceMs: number) => string | undefined;

/** A call in flight. */
interface OpenCall {
  readonly call: TracedCall;
  readonly sinceMs: number;
  readonly owed: (() => string | undefined) | undefined;
  readonly place: Error | undefined;
}

/** The calls of one workload. */
export class TracedCalls {
  readonly #world: Pick<World, 'clock' | 'tracer' | 'waits'>;
  readonly #open = new Set<OpenCall>();
  #calls = 0;

  constructor(world: Pick<World, 'clock' | 'tracer' | 'waits'>) {
    this.#world = world;
    // In a deadlock this shows who waits for whom.
    world.waits?.add(() => Array.from(this.#open, waitOf));
  }

  /** The service as one client calls it. */
  service(service: Service, callee: string, client: string, owed?: OwedAnswer<ServiceCall>): Service {
    return interceptService(service, (call, proceed) =>
      this.trace(
        { client, callee, name: call.method, args: () => argumentsText(call) },
        () => proceed(call),
        (reply) => replyText(call, reply),
        owed === undefined ? undefined : owedTo(call, owed),
      ),
    );
  }

  /**
   * The service as one client calls it, without recording the calls in the trace. Calls in flight are known, and
   * answers take no extra turn.
   */
  untraced(service: Service, callee: string, client: string, owed: OwedAnswer<ServiceCall>): Service {
    return interceptService(service, (call, proceed) => {
      const args = argumentsText(call);
      const end = this.begin({ client, callee, name: call.method, args: () => args }, owedTo(call, owed));
      const answer = proceed(call);
      answer.then(end, end);
      return answer;
    });
  }

  /**
   * Records the start of a call that is in the trace already, or need not be; the returned function records its end.
   */
  begin(call: TracedCall, owed?: (sinceMs: number) => string | undefined): () => void {
    const sinceMs = this.#world.clock.now();
    const open: OpenCall = {
      call,
      sinceMs,
      owed: owed === undefined ? undefined : () => owed(sinceMs),
      place: this.#world.waits?.capturesPlaces === true ? new Error('place') : undefined,
    };
    this.#open.add(open);
    return () => void this.#open.delete(open);
  }

  /** Makes a call, and records it and its outcome. */
  async trace<R>(
    call: TracedCall,
    make: () => R,
    inWords: (reply: Awaited<R>) => string,
    owed?: (sinceMs: number) => string | undefined,
  ): Promise<Awaited<R>> {
    const id = FIRST_ID + this.#calls;
    this.#calls += 1;
    // Now, because the caller may change its arguments as soon as the call has returned.
    const args = call.args();
    this.#record(call, id, 'call', 'sent', () => args);
    const end = this.begin({ ...call, args: () => args }, owed);
    try {
      const reply = await make();
      this.#record(call, id, 'reply', 'delivered', () => inWords(reply));
      return reply;
    } catch (error) {
      this.#record(call, id, 'error', 'delivered', () =>
        isRunnerError(error) ? error.code : messageOf(error),
      );
      throw error;
    } finally {
      end();
    }
  }

  #record(
    { client, callee, name }: TracedCall,
    id: number,
    kind: MessageKind,
    step: MessageStep,
    detail: () => string,
  ): void {
    const { clock, tracer } = this.#world;
    if (tracer === undefined) return;
    const [runner, to] = kind === 'call' ? [client, callee] : [callee, client];
    const event = { at: clock.now(), type: 'message', runner, to, step, kind, name, id } as const;
    const text = tracer.keepsEvents === true ? detail() : '';
    tracer.record(text === '' ? event : { ...event, detail: shortened(text) });
  }
}

/** Uses a copy of the arguments, because their owner may change them once the call has returned. */
function owedTo(call: ServiceCall, owed: OwedAnswer<ServiceCall>): (sinceMs: number) => string | undefined {
  if (call.method !== 'query') return (sinceMs) => owed(call, sinceMs);
  try {
    const own = ownCall(call);
    return (sinceMs) => owed(own, sinceMs);
  } catch {
    return () => 'its refusal as RUNNER_INVALID_ARGUMENT (R24 R33)';
  }
}

function waitOf({ call: { client, callee, name, args }, sinceMs, owed, place }: OpenCall): OngoingWait {
  const expected = owed?.();
  return {
    ...{ owner: client, name: `the answer to ${name}(${args()})`, from: callee, sinceMs, place },
    ...(expected === undefined ? {} : { expected }),
  };
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
