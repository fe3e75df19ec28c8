/** The page that lists the files of an output folder. Invariant: names are shown as text, whatever they contain. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for HTML, attributes included. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** One link per file, sorted by name (R163). `base` is the path of the folder's listing without trailing slash. */
export function listingPage(base: string, names: readonly string[]): string {
  const items = [...names]
    .sort()
    .map(
      (name) =>
        `<li><a href="${escapeHtml(`${base}/${encodeURIComponent(name)}`)}">${escapeHtml(name)}</a></li>`,
    );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Outputs</title>
<h1>Outputs</h1>
<ul>
${items.join('\n')}
</ul>
</html>
`;
}
