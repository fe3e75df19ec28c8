/**
 * The HTML page that follows an output (R165). Invariants: the tested code is the code that runs in the browser,
 * because the page is made of its source text; output is inserted as text nodes only, whatever it contains.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from './output-server-listing.ts';

/** The metadata of the file, from a HEAD request. */
export interface TailHead {
  readonly length: number;
  /** Changes when the URL serves another file. */
  readonly resourceId: string;
}

/** A part of the file. */
export interface TailPart {
  readonly bytes: Uint8Array;
  readonly resourceId: string;
}

/**
 * The surroundings of the code that follows a growing file. The functions in this module also run in the browser, as
 * their own source text: they use nothing but their arguments, each other and standard browser features, and define no
 * named functions inside. Invariant: the rendered text is always the bytes read so far, decoded together (R166).
 *
 * A rejected request counts as one that brought nothing new.
 */
export interface TailHost {
  head(): Promise<TailHead>;
  /** Bytes from `start` (inclusive) to `end` (exclusive); fewer are accepted. */
  range(start: number, end: number): Promise<TailPart>;
  sleep(ms: number): Promise<void>;
  /** Monotonic time in milliseconds. */
  now(): number;
  /**
   * Appends `text`. `unfinished` is shown after it until the next call: it stands for a character whose last bytes have
   * not arrived yet.
   */
  render(text: string, unfinished: string): void;
}

/** How often and how long to poll. */
export interface TailLimits {
  readonly rangeBytes: number;
  /** The first pause. */
  readonly pauseMs: number;
  /** The pause after the file has grown. */
  readonly grownPauseMs: number;
  readonly pauseMsMax: number;
  /** The factor by which each pause without growth is longer than the last. */
  readonly backoff: number;
  /** Following ends when nothing has changed for this long. */
  readonly quietMs: number;
}

/** The page's limits (R165). */
export const TAIL_LIMITS: TailLimits = Object.freeze({
  rangeBytes: 1_310_720,
  pauseMs: 50,
  grownPauseMs: 5_000,
  pauseMsMax: 15 * 60_000,
  backoff: 1.5,
  quietMs: 60 * 60_000,
});

/** Why following ended: nothing changed for `quietMs`, or the URL serves another file. */
export type TailEnd = 'quiet' | 'replaced';

/** How many bytes at the end are the start of an incomplete UTF-8 sequence. */
export function unfinishedLength(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** Concatenates two arrays. */
function joinedBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

/** The state of following a file. */
export interface TailState {
  resourceId: string | undefined;
  /** Number of bytes read. */
  shown: number;
  /** The incomplete UTF-8 sequence at the end of them. */
  rest: Uint8Array;
}

/** Reads and renders up to `length`, until a request fails. False if another file answers. */
async function readUpTo(
  host: TailHost,
  rangeBytes: number,
  state: TailState,
  length: number,
): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  while (state.shown < length) {
    const end = Math.min(state.shown + rangeBytes, length);
    const part = await host.range(state.shown, end).catch(() => undefined);
    if (part === undefined) return true;
    if (part.resourceId !== state.resourceId) return false;
    if (part.bytes.length === 0) return true;
    state.shown += part.bytes.length;
    const bytes = joinedBytes(state.rest, part.bytes);
    const complete = bytes.length - unfinishedLength(bytes);
    state.rest = bytes.slice(complete);
    host.render(decoder.decode(bytes.subarray(0, complete)), decoder.decode(state.rest));
  }
  return true;
}

/** Renders the file as it grows, until it stays quiet or is replaced (R165, R166). */
export async function followFile(host: TailHost, limits: TailLimits): Promise<TailEnd> {
  const state: TailState = { resourceId: undefined, shown: 0, rest: new Uint8Array(0) };
  let { pauseMs } = limits;
  let changedMs = host.now();
  for (let look = 0; ; look += 1) {
    const before = state.shown;
    const head = await host.head().catch(() => undefined);
    if (head !== undefined) {
      state.resourceId ??= head.resourceId;
      if (head.resourceId !== state.resourceId || head.length < state.shown) return 'replaced';
      if (!(await readUpTo(host, limits.rangeBytes, state, head.length))) return 'replaced';
    }
    const grown = state.shown > before;
    if (grown) changedMs = host.now();
    if (look > 0) {
      pauseMs = grown ? limits.grownPauseMs : Math.min(pauseMs * limits.backoff, limits.pauseMsMax);
    }
    const leftMs = changedMs + limits.quietMs - host.now();
    if (leftMs <= 0) return 'quiet';
    await host.sleep(Math.min(pauseMs, leftMs));
  }
}

const STYLE = 'pre { white-space: pre-wrap; word-break: break-all; }';

// Some loaders wrap named functions in calls of `__name`, which the browser does not have.
const SCRIPT = `'use strict';
const __name = (target) => target;
${[unfinishedLength, joinedBytes, readUpTo, followFile].map(String).join('\n')}
const log = document.getElementById('log');
const state = document.getElementById('state');
const unfinishedNode = document.createTextNode('');
log.appendChild(unfinishedNode);
const url = location.pathname + '?content=true';
const page = {
  async head() {
    const answer = await fetch(url, { method: 'HEAD', cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.statusText);
    return {
      length: Number(answer.headers.get('Content-Length')),
      resourceId: answer.headers.get('X-Resource-Id'),
    };
  },
  async range(start, end) {
    const headers = { Range: 'bytes=' + start + '-' + (end - 1) };
    const answer = await fetch(url, { headers, cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.statusText);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return {
      bytes: answer.status === 206 ? bytes : bytes.slice(start, end),
      resourceId: answer.headers.get('X-Resource-Id'),
    };
  },
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  now: () => performance.now(),
  render(text, unfinished) {
    const view = document.scrollingElement;
    const atBottom = view.scrollTop + view.clientHeight >= view.scrollHeight - 2;
    log.insertBefore(document.createTextNode(text), unfinishedNode);
    unfinishedNode.data = unfinished;
    if (atBottom) view.scrollTop = view.scrollHeight;
  },
};
followFile(page, ${JSON.stringify(TAIL_LIMITS)}).then((end) => {
  state.textContent = end === 'quiet' ? 'No change for an hour. Reload to go on.' : 'Another output took this place. Reload to see it.';
  if (end === 'replaced') alert(state.textContent);
});
`;

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The page's content security policy: its own script and style, and requests to its own origin. */
export const TAIL_PAGE_POLICY: string = [
  "default-src 'none'",
  "connect-src 'self'",
  `script-src ${hashSource(SCRIPT)}`,
  `style-src ${hashSource(STYLE)}`,
].join('; ');

/** The page for the output that is served at the same path with `?content=true`. */
export function tailPage(title: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<pre id="log"></pre>
<p id="state" role="status"></p>
<script>${SCRIPT}</script>
</html>
`;
}
