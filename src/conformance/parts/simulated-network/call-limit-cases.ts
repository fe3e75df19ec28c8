/**
 * How long a call waits for its answer. Invariant: each case runs in the plain order of events, with exactly the faults
 * that it asks for.
 */
import { isCallLost } from '../../../cluster/sent-error.ts';
import { withCallOptions } from '../../../cluster/stub.ts';
import { messageOf } from '../../../kernel/errors.ts';
import type { Stub } from '../../../model/node-context.ts';
import { checkEqual, checkThat } from '../../check.ts';
import { SharedSignal } from '../../workload/shared-signal.ts';
import { codeOf, inWords, meanwhile } from '../part-case.ts';
import { errorOf, holds, looks, type Spec } from './network-case.ts';
import { ECHO, type Echo } from './node-programs.ts';

export const callLimitCases: readonly Spec[] = [
  inWords((said) =>
    holds(
      'a call that is not answered rejects after its time limit, and its work continues',
      async (sim, make) => {
        const done: number[] = [];
        const stub = make().through('server', {
          work: async (ms: number) => {
            await sim.sleep(ms);
            done.push(sim.now());
          },
        });
        const { abort, signal } = new (class extends AbortController {
          override abort = (reason: unknown): void => super.abort(reason);
        })();
        const cancelled = errorOf(withCallOptions(stub, { signal }).work(20));
        const late = errorOf(withCallOptions(stub, { timeoutMs: 10 }).work(20));
        const reason = new Error('enough');
        abort(reason);
        checkThat((await cancelled) === reason, 'a cancelled call', 'the reason', await cancelled);
        said.equal('the time of the cancel', sim.now(), 0);
        const error = await late;
        said.equal('the message', messageOf(error), 'server has not answered work within 10 ms');
        said.equal('the code', (error as { code?: unknown }).code, 'RUNNER_CALL_TIMED_OUT');
        checkThat(isCallLost(error), 'the error', 'a lost call', error);
        said.equal('the time', sim.now(), 10);
        await sim.sleep(20);
        said.equal('what was done', done, [20, 20]);
      },
    ),
  ),
  holds('an answer that comes in the very instant of the limit counts', async (sim, make) => {
    const stub = make().through('server', { work: (ms: number) => sim.sleep(ms) }, { timeoutMs: 20 });
    await stub.work(20);
    checkEqual('the time', sim.now(), 20);
    checkEqual('a call that is later', await codeOf(() => stub.work(21)), 'RUNNER_CALL_TIMED_OUT');
    await sim.sleep(1);
  }),
  inWords((said) =>
    holds(
      'the time limit is that of the call, else of its stub, else of the network, else ten seconds',
      async (sim, make) => {
        const work = (ms: number): Promise<void> => sim.sleep(ms);
        const net = make({ callTimeoutMs: 30 });
        const stub = net.through('server', { work });
        said.equal('the code', await codeOf(() => stub.work(100)), 'RUNNER_CALL_TIMED_OUT');
        said.equal('the time of the network’s limit', sim.now(), 30);
        await withCallOptions(stub, { timeoutMs: Infinity }).work(100);
        said.equal('the time without one', sim.now(), 130);
        const own = net.connect<{ work(ms: number): Promise<void> }>('server', { timeoutMs: 5 });
        said.equal('the code', await codeOf(() => own.work(100)), 'RUNNER_CALL_TIMED_OUT');
        said.equal('the time of the stub’s limit', sim.now(), 135);
        await withCallOptions(own, { timeoutMs: 7 }).work(6);
        await withCallOptions(own, {}).work(4);
        said.equal('the time', sim.now(), 145);
        await sim.sleep(200);
      },
    ),
  ),
  holds('by default a call waits ten seconds', async (sim, make) => {
    const stub = make().through('server', { work: () => sim.sleep(10_000), later: () => sim.sleep(10_001) });
    await stub.work();
    checkEqual('the code', await codeOf(() => stub.later()), 'RUNNER_CALL_TIMED_OUT');
    checkEqual('the time', sim.now(), 20_000);
    await sim.sleep(10);
  }),
  looks(
    'a signal that has aborted before sends nothing',
    async (_sim, make) => {
      const reason = new Error('before');
      const stub = make().through('server', ECHO, { signal: AbortSignal.abort(reason) });
      checkThat((await errorOf(stub.echo(1))) === reason, 'the rejection', 'the reason', reason);
    },
    ({ lines }) => checkEqual('the history', lines, []),
  ),
  inWords((said) =>
    holds(
      'a signal stays with its stub beside other options, and a shared one ends all calls',
      async (sim, make) => {
        const controller = new AbortController();
        const stub = make().through('server', { work: () => sim.sleep(50) }, { signal: controller.signal });
        const all = [stub.work(), withCallOptions(stub, { timeoutMs: 40 }).work(), stub.work()].map(errorOf);
        await sim.sleep(5);
        controller.abort('enough');
        said.equal('the rejections', await Promise.all(all), ['enough', 'enough', 'enough']);
        said.equal('the time', sim.now(), 5);
        await sim.sleep(100);
      },
    ),
  ),
  holds('a call that has ended, or whose caller has, leaves no listener to its signal', async (sim, make) => {
    const net = make();
    const shared = new SharedSignal(sim);
    const { signal } = shared;
    const work = (ms: number): Promise<void> => sim.sleep(ms);
    const stub = net.through('server', { work }, { signal });
    const first = meanwhile(stub.work(5));
    checkEqual('the listeners during a call', shared.left, 1);
    await first;
    checkEqual('the listeners after the answer', shared.left, 0);
    checkEqual(
      'the code',
      await codeOf(() => withCallOptions(stub, { timeoutMs: 1 }).work(5)),
      'RUNNER_CALL_TIMED_OUT',
    );
    checkEqual('the listeners after the time limit', shared.left, 0);
    const caller = net.node('caller', ({ connect }) => {
      void meanwhile(connect<{ work(ms: number): void }>('server', { signal }).work(10));
    });
    await sim.sleep(1);
    checkEqual('the listeners during a call of a node', shared.left, 1);
    caller.crash();
    checkEqual('the listeners after its crash', shared.left, 0);
    await sim.sleep(20);
  }),
  holds(
    'an object that inherits from a stub calls through it; a stub is not a promise and shows its name',
    async (_sim, make) => {
      const stub = make().through('server', ECHO);
      const heir = Object.create(stub) as Stub<Echo>;
      checkEqual('the echo', await heir.echo(1), [1]);
      checkThat((await Promise.resolve(stub)) === stub, 'an awaited stub', 'itself', stub);
      checkEqual('its text', `${stub as unknown as string}`, 'stub of server');
      checkEqual('as JSON', JSON.stringify({ stub }), '{"stub":{}}');
      const { echo } = stub;
      checkThat(echo === stub.echo, 'a method', 'the same each time', echo);
      checkThat(!Reflect.set(stub, 'echo', 1), 'to set a method', 'impossible', stub);
    },
  ),
];
