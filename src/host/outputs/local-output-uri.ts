/** Where a local output can be read. Invariant: what stands in a URI is percent-encoded, so that any name survives the way. */

/** `file://HOST` and the absolute path (R162). */
export function fileUri(hostname: string, path: string): string {
  return `file://${hostname}${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** `BASE/ID?file=` and the file URI; a base with or without trailing slash gives the same (R162). */
export function httpUri(baseUrl: string, id: string, file: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/${encodeURIComponent(id)}?file=${file}`;
}
