import { open } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { OutsideWatch } from '../../src/kernel/drain-resources.ts';

const HERE = 'drain-resources.test.ts';

/** The lines of this file, as functions, in which something was asked for that is still under way. */
function pendingHere(watch: OutsideWatch, kind: string): string[] {
  return watch
    .pending([kind])
    .flatMap(({ stack }) => stack.split('\n').find((line) => line.includes(HERE)) ?? [])
    .map((line) => /at (?:async )?(\S+) \(/.exec(line)?.[1] ?? line);
}

/** The machine says at the end of a turn what it has closed. */
async function turns(): Promise<void> {
  for (let index = 0; index < 3; index += 1) await turn();
}

function clearedTimer(): void {
  clearTimeout(setTimeout(() => {}, 60_000));
}

function awaitedTimer(): NodeJS.Timeout {
  return setTimeout(() => {}, 60_000);
}

function firingTimer(then: () => void): void {
  setTimeout(then, 1);
}

test('a timer is under way until it fires or is cleared', async () => {
  const watch = new OutsideWatch();
  clearedTimer();
  const awaited = awaitedTimer();
  const fired = new Promise<void>((resolve) => {
    firingTimer(resolve);
  });
  try {
    expect(pendingHere(watch, 'Timeout')).toContain('firingTimer');
    await fired;
    await turns();
    expect(pendingHere(watch, 'Timeout')).toEqual(['awaitedTimer']);
    clearTimeout(awaited);
    await turns();
    expect(pendingHere(watch, 'Timeout')).toEqual([]);
  } finally {
    watch.stop();
    clearTimeout(awaited);
  }
});

test('an interval is under way until it is cleared, however often it has fired', async () => {
  const watch = new OutsideWatch();
  let fired = 0;
  const made: NodeJS.Timeout[] = [];
  await new Promise<void>((resolve) => {
    made.push(
      setInterval(function ticks() {
        fired += 1;
        if (fired === 2) resolve();
      }, 1),
    );
  });
  expect(pendingHere(watch, 'Timeout')).toHaveLength(1);
  clearInterval(made[0]);
  await turns();
  expect(pendingHere(watch, 'Timeout')).toEqual([]);
  watch.stop();
});

test('a connection is under way until it is closed, also when it has answered', async () => {
  const server = createServer((socket) => {
    socket.write('one answer');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const watch = new OutsideWatch();
  function asking() {
    return connect((server.address() as AddressInfo).port, '127.0.0.1');
  }
  const socket = asking();
  try {
    await once(socket, 'data');
    await turns();
    expect(pendingHere(watch, 'TCPSocketWrap')).toEqual(['asking']);
    socket.destroy();
    await once(socket, 'close');
    await turns();
    expect(pendingHere(watch, 'TCPSocketWrap')).toEqual([]);
  } finally {
    watch.stop();
    socket.destroy();
    server.close();
  }
});

test('a request to the file system is over with its answer', async () => {
  const watch = new OutsideWatch();
  const file = await open(import.meta.filename, 'r');
  await file.read(Buffer.alloc(1), 0, 1, 0);
  await file.close();
  await turns();
  expect(pendingHere(watch, 'FSReqPromise')).toEqual([]);
  watch.stop();
});
