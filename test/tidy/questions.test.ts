import ts from 'typescript';
import { expect, test } from 'vitest';
import { listFiles, readProjectFile } from '../../scripts/module-graph.ts';

/** Methods that read something out of a text. */
const READERS: ReadonlySet<string> = new Set([
  ...['startsWith', 'endsWith', 'includes', 'indexOf', 'lastIndexOf', 'search', 'match', 'matchAll', 'split'],
  ...['slice', 'substring', 'substr', 'charAt', 'charCodeAt', 'codePointAt', 'at', 'replace', 'replaceAll'],
]);
/** Methods of a pattern that is held against a text. */
const PATTERN_READERS: ReadonlySet<string> = new Set(['exec', 'test']);
/** Types whose texts are for people only, and the fields that are or make up such texts. */
const TYPES = /\b(Question|Topic|Thing|Entity|Label|TopicParts|EventInfo|DueEvent)\b/;
const TEXTS: ReadonlySet<string> = new Set([
  'text',
  'key',
  'site',
  'about',
  'label',
  'owner',
  'what',
  'subject',
  'id',
]);
const NAMES = /^(?:.*[lL]abel|.*[qQ]uestion|.*[tT]opic|asked|firing)$/;
/** Other things that are called labels: of a metric, of a header of SWF, of a command in a time line. */
const OTHER_LABELS = /^src\/(host\/metrics|trace\/swf|oracles\/history)\//;

/** Where the texts of questions and events are read back, as `FILE:LINE CODE`. */
function readingsIn(file: string, code: string): string[] {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const bound = new Set<string>();
  const bind = (name: ts.BindingName, type: ts.TypeNode | undefined): void => {
    if (type === undefined || !TYPES.test(type.getText())) return;
    if (ts.isIdentifier(name)) {
      if (/^(Label|Entity)$/.test(type.getText())) bound.add(name.text);
      return;
    }
    for (const element of name.elements) {
      if (!ts.isBindingElement(element) || !ts.isIdentifier(element.name)) continue;
      const field = element.propertyName?.getText() ?? element.name.text;
      if (TEXTS.has(field)) bound.add(element.name.text);
    }
  };
  const isTextOfOne = (node: ts.Expression): boolean => {
    if (ts.isIdentifier(node)) return bound.has(node.text) || /(?:^l|L)abel$/.test(node.text);
    if (ts.isCallExpression(node)) {
      return (
        ts.isPropertyAccessExpression(node.expression) && /^(text|label)Of$/.test(node.expression.name.text)
      );
    }
    if (!ts.isPropertyAccessExpression(node)) return false;
    if (node.name.text === 'label') return true;
    const whose = node.expression;
    const owner = ts.isPropertyAccessExpression(whose) ? whose.name : whose;
    return TEXTS.has(node.name.text) && NAMES.test(owner.getText().replace(/^#/, ''));
  };
  const visit = (node: ts.Node): void => {
    if ((ts.isParameter(node) || ts.isVariableDeclaration(node)) && node.type !== undefined) {
      bind(node.name, node.type);
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name, expression } = node.expression;
      const [first] = node.arguments;
      const isRead =
        (READERS.has(name.text) && isTextOfOne(expression)) ||
        (PATTERN_READERS.has(name.text) && first !== undefined && isTextOfOne(first));
      if (isRead) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        found.push(`${file}:${line + 1} ${node.getText().split('\n')[0] ?? ''}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test('A2: no code parses the text of a question or an event', () => {
  const files = listFiles(['src']);
  const found = files
    .filter((file) => !OTHER_LABELS.test(file))
    .flatMap((file) => readingsIn(file, readProjectFile(file)));
  expect(found).toEqual([]);
});

test.each([
  ["({ label }: EventInfo) => label.endsWith(' delay')", 'a destructured label'],
  ["(label: string) => label.startsWith('order ')", 'a parameter'],
  ['(question: Question) => question.text.slice(6)', 'a text'],
  ['(topic: Topic) => /run/.test(topic.text)', 'a pattern'],
  ["({ topic }: EventInfo) => topic.text.split(' ')", 'a topic of an event'],
  ["({ subject }: Topic) => subject.replace(/\\d/g, '#')", 'a part'],
  ["(due: DueEvents) => due.textOf(0).split('/')", 'an event that is due'],
])('finds %s: %s', (code) => {
  expect(readingsIn('some.ts', `const read = ${code};`)).toHaveLength(1);
});

test('allows comparing and showing', () => {
  const code = "const a = (q: Question, t: Topic) => q.text === t.text || `${t.text} fault`.endsWith('x');";
  expect(readingsIn('some.ts', code)).toEqual([]);
});
