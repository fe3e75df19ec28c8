/**
 * Whose code calls a function of the machine: that of a simulation, or Node, a test framework, a loader or this package.
 * Invariant: asking leaves no trace, and reads no source map.
 */
import { EventEmitter } from 'node:events';
import { setStackLimit } from '../kernel/drain-stack-limit.ts';
import { codePathOf, pathOfLocation } from '../kernel/package-files.ts';

/** Parts of Node that call the machine for themselves, whichever code runs. The others do so for their callers. */
const NODE_ITSELF = [
  ...[
    'node:internal/modules/',
    'node:internal/source_map/',
    'node:internal/console/',
    'node:internal/bootstrap/',
    'node:internal/worker/',
  ],
  ...['node:internal/process/esm_loader', 'node:internal/process/warning', 'node:internal/process/promises'],
];
/** Has a timer by which it forgets the date of responses; it is not the beginning of other names, as the parts above are. */
const HTTP_DATES = 'node:internal/http';
/** Files that load code, map its lines or run tests. */
const TOOLS =
  /\/node_modules\/(?:vitest|vite|vite-node|@vitest|tsx|ts-node|@swc|jiti|esbuild|rolldown|rollup|source-map|source-map-support|@jridgewell|@cspotcode|pirates|istanbul[\w-]*|c8|birpc)\//;
const FRAMES = 40;

/** True for the {@link nearestFile} of code over which a simulation has no control. */
export function isOfOthers(file: string | undefined): boolean {
  // `node:` is Node itself, continuing earlier work.
  return file === undefined || file.startsWith('node:') || isTool(file) || isOwn(file);
}

/** File of the nearest frame that is neither in this folder nor Node's, except {@link NODE_ITSELF}; undefined if there is none. */
export function nearestFile(): string | undefined {
  return filesOfNow().find(counts);
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- they are looked for in stacks, and not called
const { addListener, prependListener } = EventEmitter.prototype;

/**
 * The same of the code that adds a listener now: between its call and that of the listener to `newListener` are those
 * who have replaced `emit`.
 */
export function listeningFile(): string | undefined {
  const files = filesOfNow(addListener);
  return (files.length > 0 ? files : filesOfNow(prependListener)).find(counts);
}

/** Which files may be the nearest one: deciding that takes longer than capturing a short stack. */
const counting = new Map<string, boolean>();

function counts(file: string): boolean {
  const known = counting.get(file);
  if (known !== undefined) return known;
  const isOne = isCounted(file);
  counting.set(file, isOne);
  return isOne;
}

function isCounted(file: string): boolean {
  return file.startsWith('node:')
    ? file === HTTP_DATES || NODE_ITSELF.some((part) => file.startsWith(part))
    : codePathOf(pathOfLocation(file))?.startsWith('ambient/') !== true;
}

/**
 * True for the {@link nearestFile} of Node's loader of ES modules, which reads files or asks the thread of another
 * loader in an `import()`, also in that of a CommonJS module.
 */
export function isImporting(file: string | undefined): boolean {
  return file?.startsWith('node:internal/modules/esm/') === true;
}

/** True for a file of a test framework or a loader. */
export function isTool(file: string): boolean {
  return TOOLS.test(pathOfLocation(file));
}

function isOwn(file: string): boolean {
  return codePathOf(pathOfLocation(file)) !== undefined;
}

/** File names as the engine has them: no source map is read. Given a function, those of its callers; none if it does not run. */
function filesOfNow(called?: (...args: never[]) => unknown): string[] {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  let files: string[] = [];
  Error.prepareStackTrace = (_, sites) => {
    // Only the second is there for a module that `sim.load` has evaluated.
    files = sites
      .map((site) => site.getFileName() ?? site.getScriptNameOrSourceURL() ?? '')
      .filter((file) => file !== '');
    return '';
  };
  try {
    // Reading `stack` calls `prepareStackTrace`.
    withStack(() => {
      const place = { stack: '' };
      Error.captureStackTrace(place, called);
      return place.stack;
    });
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', before);
  }
  return files;
}

/**
 * Like `withStackLimit` of the kernel, but inside this folder: the caller is identified by the nearest frame outside
 * it.
 */
export function withStack<T>(make: () => T): T {
  const restore = setStackLimit(FRAMES);
  try {
    return make();
  } finally {
    restore();
  }
}
