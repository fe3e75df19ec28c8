// Goes through everything that the package's doors export: the list is `exports` of package.json, so a new door or export is found by itself.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { projectRoot } from '../../scripts/module-graph.ts';

/** A function of any kind. */
export type Call = (this: unknown, ...given: unknown[]) => unknown;

/** Something that a door exports. */
export interface DoorExport {
  readonly door: string;
  readonly name: string;
  readonly value: unknown;
}

/** All exports of all doors, each once, under the first door that has it. */
export async function doorExports(): Promise<DoorExport[]> {
  const { exports } = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')) as {
    exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const found = new Map<unknown, DoorExport>();
  const constants: DoorExport[] = [];
  for (const [door, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const source = target.default.replace('./dist/', '/src/').replace(/\.js$/, '.ts');
    const module = (await import(projectRoot + source)) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(module)) {
      const entry = { door, name, value };
      if (typeof value !== 'function' && typeof value !== 'object') constants.push(entry);
      else if (!found.has(value)) found.set(value, entry);
    }
  }
  return [...found.values(), ...constants];
}

/** True for what has to be called with `new`. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && Function.prototype.toString.call(value).startsWith('class');
}

/** The parameters of a function, a method or a constructor as they are written, with their defaults. */
export function parametersOf(call: Call): string[] {
  const text = Function.prototype.toString.call(call);
  // The text of a method stands in a class or an object only.
  const isWhole = /^(?:async\s+)?(?:class|function|\()|^[^({]*=>/.test(text);
  const file = ts.createSourceFile('of.js', isWhole ? `(${text})` : `({${text}})`, ts.ScriptTarget.Latest);
  const declares = isClass(call) ? ts.isConstructorDeclaration : ts.isFunctionLike;
  const found = (node: ts.Node): readonly ts.ParameterDeclaration[] | undefined =>
    declares(node) ? node.parameters : ts.forEachChild(node, found);
  return (found(file) ?? []).map((parameter) => parameter.getText(file));
}

/** How many arguments it looks at: those with a default and a rest count too, which `length` leaves out. */
export function arityOf(call: Call): number {
  return Math.max(parametersOf(call).length, call.length);
}

/** The names of the methods of an object, inherited ones too, but for those that every object, list or error has. */
export function methodNames(value: object): string[] {
  const names = new Set<string>();
  for (
    let at: object | null = value;
    at !== null && !isBuiltIn(at);
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const [name, { value: held }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name !== 'constructor' && typeof held === 'function') names.add(name);
    }
  }
  return [...names];
}

const BUILT_IN: ReadonlySet<unknown> = new Set(
  [Object, Array, Error, Map, Set, Promise, Function, Uint8Array, Date].map(
    ({ prototype }) => prototype as unknown,
  ),
);

function isBuiltIn(value: object): boolean {
  return BUILT_IN.has(value) || Object.prototype.toString.call(value).includes('Generator');
}
