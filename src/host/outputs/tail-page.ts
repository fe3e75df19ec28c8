/**
 * The HTML page that follows an output (R165). Invariant: the logic that is tested is the logic that runs in the browser, because
 * the page is made of its text; and what is shown goes in as text nodes, whatever the output contains.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from './output-server-listing.ts';
import { TAIL_LIMITS, followFile, joinedBytes, readUpTo, unfinishedLength } from './tail-page-follower.ts';

const STYLE = 'pre { white-space: pre-wrap; word-break: break-all; }';

// Some loaders wrap named functions into calls of `__name`; in the browser it stands for nothing.
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

/** The content security policy under which the page works: its own script and style, requests to where it came from. */
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
