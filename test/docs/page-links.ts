// The links of a page to files and headings of this project.
import { posix } from 'node:path';

/** A link of a page. */
export interface PageLink {
  readonly line: number;
  /** The file or folder that it leads to, from the root of the project. */
  readonly path: string;
  /** The heading there; `''` for none. */
  readonly anchor: string;
}

/** The links in the text of a page, but for those to the web. */
export function linksOf(page: string, text: string): PageLink[] {
  return proseLines(text).flatMap(({ line, prose }) =>
    [...prose.matchAll(/\]\(([^()\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => {
        const [path = '', anchor = ''] = target.split('#');
        const from = path === '' ? page : posix.join(posix.dirname(page), path);
        return { line, path: from.replace(/\/$/, ''), anchor };
      }),
  );
}

/** The anchors of the headings of a page, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { prose } of proseLines(text)) {
    const [, heading] = /^#{1,6} +(.*)$/.exec(prose) ?? [];
    if (heading === undefined) continue;
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let nth = 1; anchors.has(anchor); nth += 1) anchor = `${slug}-${nth}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The lines of a page, but for its blocks of code; code spans are blank. */
function proseLines(text: string): { readonly line: number; readonly prose: string }[] {
  let fence = '';
  return text.split('\n').flatMap((content, index) => {
    const [, mark] = /^\s*(`{3,})/.exec(content) ?? [];
    if (mark !== undefined && (fence === '' || mark.length >= fence.length)) {
      fence = fence === '' ? mark : '';
      return [];
    }
    if (fence !== '') return [];
    const prose = /^#{1,6} /.test(content) ? content : content.replace(/`[^`]*`/g, '');
    return [{ line: index + 1, prose }];
  });
}
