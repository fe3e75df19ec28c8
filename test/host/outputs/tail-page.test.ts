import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';
import { createOutputServer } from '../../../src/host/outputs/output-server.ts';
import {
  TAIL_LIMITS,
  followFile,
  unfinishedLength,
  type TailEnd,
  type TailHost,
  type TailLimits,
  TAIL_PAGE_POLICY,
  tailPage,
} from '../../../src/host/outputs/tail-page.ts';
import { sleep } from '../../../src/kernel/clock.ts';
import { chooseDrain } from '../../../src/kernel/drain.ts';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';

interface Growth {
  readonly afterMs: number;
  readonly bytes: Uint8Array;
}

interface Followed {
  readonly end: TailEnd | undefined;
  readonly endMs: number;
  readonly file: Uint8Array;
  readonly shown: string;
  /** When and for what the server was asked. */
  readonly asked: string[];
}

interface Hindrance {
  readonly latencyMs?: number;
  /** Requests that are refused, by number. */
  readonly refused?: ReadonlySet<number>;
  /** What a request for a range gives at most. */
  readonly rangeBytesMax?: number;
  /** From then on another file stands there. */
  readonly replacedMs?: number;
  /** From then on the file is empty. */
  readonly emptiedMs?: number;
}

/** Follows a file that grows on the virtual clock, and checks after each rendering that all bytes read so far are shown. */
async function follow(
  growths: readonly Growth[],
  limits: TailLimits,
  hindrance: Hindrance = {},
): Promise<Followed> {
  const clock = createVirtualClock();
  let file: Uint8Array = new Uint8Array(0);
  let sinceMs = 0;
  for (const { afterMs, bytes } of growths) {
    sinceMs += afterMs;
    if (sinceMs === 0) file = Buffer.concat([file, bytes]);
    else clock.timer('grow', sinceMs, () => (file = Buffer.concat([file, bytes])));
  }
  if (hindrance.emptiedMs !== undefined) {
    clock.timer('empty', hindrance.emptiedMs, () => (file = new Uint8Array(0)));
  }
  const asked: string[] = [];
  let [shown, ghost, read] = ['', '', 0];
  const answer = async (question: string): Promise<string> => {
    asked.push(`${clock.now()} ${question}`);
    const { latencyMs = 0, refused, replacedMs = Number.POSITIVE_INFINITY } = hindrance;
    const nth = asked.length - 1;
    if (latencyMs > 0) await sleep(clock, latencyMs);
    if (refused?.has(nth) === true) throw new Error('refused');
    return clock.now() >= replacedMs ? 'other' : 'same';
  };
  const host: TailHost = {
    head: async () => ({ resourceId: await answer('head'), length: file.length }),
    range: async (start, end) => {
      const resourceId = await answer(`${start}-${end}`);
      const bytes = file.slice(start, Math.min(end, start + (hindrance.rangeBytesMax ?? end)));
      read += bytes.length;
      return { resourceId, bytes };
    },
    sleep: (ms) => sleep(clock, ms),
    now: () => clock.now(),
    render: (text, unfinished) => {
      [shown, ghost] = [shown + text, unfinished];
      expect(shown + ghost).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(file.slice(0, read)));
    },
  };
  let end: TailEnd | undefined;
  let endMs = 0;
  const over = followFile(host, limits).then((how) => ([end, endMs] = [how, clock.now()]));
  await chooseDrain().run(() => clock.step());
  await over;
  return { end, endMs, file, shown: shown + ghost, asked };
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
const limits = { ...TAIL_LIMITS, rangeBytes: 5, pauseMsMax: 10_000 };

describe('following a file', () => {
  test('R166 D86 every appended byte is shown, for any steps, ranges, latencies and refusals', async () => {
    const piece = fc.constantFrom('a', 'é', '€', '😀', '\ufeff', '\r\n', '\0').map(text);
    const bytes = fc.oneof(
      { weight: 3, arbitrary: fc.array(piece, { maxLength: 6 }).map((all) => Buffer.concat(all)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }) },
    );
    // Cut anywhere, so that characters are torn between growths.
    const growth = fc.record({ afterMs: fc.nat({ max: 30_000 }), bytes });
    const growths = fc.tuple(fc.array(growth, { maxLength: 10 }), fc.nat({ max: 3 })).map(([all, cut]) =>
      all.flatMap(({ afterMs, bytes: whole }) => [
        { afterMs, bytes: whole.slice(0, whole.length - cut) },
        { afterMs: 100 * cut, bytes: whole.slice(Math.max(0, whole.length - cut)) },
      ]),
    );
    const hindrance = fc.record({
      latencyMs: fc.nat({ max: 40 }),
      refused: fc.uniqueArray(fc.nat({ max: 25 }), { maxLength: 5 }).map((all) => new Set(all)),
      rangeBytesMax: fc.integer({ min: 1, max: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(
        growths,
        hindrance,
        fc.integer({ min: 1, max: 9 }),
        async (steps, trouble, rangeBytes) => {
          const { end, shown, file } = await follow(steps, { ...limits, rangeBytes }, trouble);
          expect(end).toBe('quiet');
          expect(shown).toBe(decode(file));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('R166 D86 a file that is quiet, grows by three bytes and is quiet again is shown whole', async () => {
    const growths = [
      { afterMs: 0, bytes: text('AAAAA') },
      { afterMs: 1_000, bytes: text('BBB') },
    ];
    const { shown, end } = await follow(growths, limits);
    expect([shown, end]).toEqual(['AAAAABBB', 'quiet']);
  });

  test('R165 pauses grow by half from 50 ms, from 5 s after growth, to 15 min at most; an hour of silence ends it', async () => {
    const growths = [
      { afterMs: 0, bytes: text('x') },
      { afterMs: 200, bytes: text('y') },
    ];
    const { asked, end, endMs } = await follow(growths, TAIL_LIMITS);
    const times = asked
      .filter((question) => question.endsWith('head'))
      .map((question) => Number(question.split(' ')[0]));
    const pauses = times.slice(1).map((time, index) => time - times[index]!);
    const minute = 60_000;
    expect(pauses.slice(0, 4)).toEqual([50, 75, 112.5, 5_000]);
    for (const [index, pause] of pauses.slice(4, -1).entries()) {
      expect(pause).toBeCloseTo(Math.min(5_000 * 1.5 ** (index + 1), 15 * minute), 2);
    }
    expect(pauses.at(-2)).toBe(15 * minute);
    expect([end, endMs]).toEqual(['quiet', 237.5 + 60 * minute]);
  });

  test('R165 the file is read in ranges of 1,310,720 bytes up to the announced length', async () => {
    const { asked } = await follow([{ afterMs: 10, bytes: new Uint8Array(3_000_000) }], TAIL_LIMITS);
    expect(asked.slice(0, 5)).toEqual([
      '0 head',
      '50 head',
      '50 0-1310720',
      '50 1310720-2621440',
      '50 2621440-3000000',
    ]);
  });

  test('R165 another file at the same place, or one that shrank, ends it', async () => {
    const growths = [{ afterMs: 0, bytes: text('0123456789') }];
    const replaced = await follow(growths, limits, { replacedMs: 1_000 });
    expect([replaced.end, replaced.shown]).toEqual(['replaced', '0123456789']);
    expect(replaced.endMs).toBeLessThan(2_000);
    const between = await follow(growths, limits, { replacedMs: 15, latencyMs: 10 });
    expect([between.end, between.shown, between.asked.at(-1)]).toEqual(['replaced', '', '10 0-5']);
    const emptied = await follow(growths, limits, { emptiedMs: 1_000 });
    expect([emptied.end, emptied.shown]).toEqual(['replaced', '0123456789']);
  });

  test('R165 a server that cannot be reached is asked again until the hour is over', async () => {
    const never = await follow([], limits, {
      refused: new Set(Array.from({ length: 1000 }, (_, nth) => nth)),
    });
    expect([never.end, never.endMs, never.shown]).toEqual(['quiet', 3_600_000, '']);
  });

  test('R165 a character begun at the end is distinguished from a complete one', () => {
    const cases = ['', 'a', 'é', '€', '😀'].flatMap((character) => {
      const bytes = text(character);
      return Array.from({ length: bytes.length + 1 }, (_, length) => bytes.slice(0, length));
    });
    for (const bytes of cases) {
      const isWhole = !decode(bytes).includes('\ufffd');
      expect([bytes, unfinishedLength(bytes)]).toEqual([bytes, isWhole ? 0 : bytes.length]);
      expect(unfinishedLength(Uint8Array.of(0xe2, 0x82, 0xac, ...bytes))).toBe(unfinishedLength(bytes));
    }
    expect(unfinishedLength(Uint8Array.of(0x80, 0x80, 0x80, 0x80))).toBe(0);
  });
});

class FakeNode {
  data: string;
  readonly children: FakeNode[] = [];
  textContent = '';

  constructor(data = '') {
    this.data = data;
  }

  appendChild(child: FakeNode): void {
    this.children.push(child);
  }

  insertBefore(child: FakeNode, before: FakeNode): void {
    this.children.splice(this.children.indexOf(before), 0, child);
  }

  get shown(): string {
    return this.data + this.children.map((child) => child.shown).join('');
  }
}

/** A browser in so far as the page needs one. */
function openPage(
  html: string,
  url: string,
): { log: FakeNode; view: { scrollTop: number }; alerts: string[] } {
  const [log, state] = [new FakeNode(), new FakeNode()];
  const alerts: string[] = [];
  const view = {
    scrollTop: 0,
    clientHeight: 10,
    get scrollHeight(): number {
      return 10 + log.shown.length;
    },
  };
  const context = createContext({
    location: { pathname: new URL(url).pathname },
    document: {
      scrollingElement: view,
      getElementById: (id: string) => ({ log, state })[id],
      createTextNode: (data: string) => new FakeNode(data),
    },
    fetch: (path: string, options: RequestInit) => fetch(new URL(path, url), options),
    alert: (message: string) => alerts.push(message),
    TextDecoder,
    Uint8Array,
    // Twenty times as fast, because after growth the page takes its time.
    setTimeout: (fire: () => void, ms: number) => setTimeout(fire, ms / 20),
    performance,
  });
  runInContext(/<script>(.*)<\/script>/s.exec(html)![1]!, context);
  return { log, view, alerts };
}

async function eventually(what: () => boolean): Promise<void> {
  while (!what()) await wait(5);
}

describe('the page', () => {
  test('R164 R165 R166 when served and run, it shows what is written, follows the end, and alerts when replaced', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'dryrunner-test-'));
    const outputs = createLocalOutputs({ dir });
    const server = await createOutputServer(outputs);
    const output = await outputs.create('stdout');
    await output.write('first <b>é</b>');
    const answer = await fetch(`${server.url}/stdout`);
    expect(answer.headers.get('content-security-policy')).toBe(TAIL_PAGE_POLICY);
    const { log, view, alerts } = openPage(await answer.text(), `${server.url}/stdout`);
    await eventually(() => log.shown !== '');
    expect([log.shown, view.scrollTop]).toEqual(['first <b>é</b>', 24]);
    view.scrollTop = 3;
    await output.write(Uint8Array.of(0xe2, 0x82));
    await eventually(() => log.shown.endsWith('\ufffd'));
    expect(view.scrollTop).toBe(3);
    await outputs.create('stdout');
    await eventually(() => alerts.length > 0);
    expect(alerts).toEqual(['Another output took this place. Reload to see it.']);
    await server.close();
    await outputs.dispose();
    await rm(dir, { recursive: true });
  });

  test('R165 its title is text, and its policy allows only its own script and style', () => {
    const html = tailPage('<script>"&');
    expect(html).toContain('<title>&lt;script&gt;&quot;&amp;</title>');
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(TAIL_PAGE_POLICY).toMatch(
      /^default-src 'none'; connect-src 'self'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='$/,
    );
  });
});
