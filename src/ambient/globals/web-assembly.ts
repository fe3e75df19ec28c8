/**
 * `WebAssembly.compile` and `instantiate`, which work on other threads and show in no list of what is pending. Invariants:
 * a simulation stands still until its code is compiled; what a module calls when it is instantiated sees the simulation.
 */
import { hub, type AmbientWorld } from '../hub.ts';
import { standInFor } from './stand-in.ts';

/** A buffer, or a part of one. */
type Bytes = ArrayBuffer | ArrayBufferView;
type Compile = (bytes: unknown) => Promise<object>;
/** Returns an instance of a module, and an instance with its module for bytes. */
type Instantiate = (source: unknown, imports?: unknown) => Promise<object>;

/** The used part of `WebAssembly`, which Node's types do not have. */
interface Assembly {
  readonly compile: Compile;
  readonly Module: new () => object;
  readonly Instance: new (module: object, imports?: unknown) => object;
}

/** Absent if Node runs without a compiler. */
const { WebAssembly: assembly } = globalThis as unknown as { readonly WebAssembly?: Assembly };

/** Puts both under the control of a running simulation. Optional: code may wrap them. */
export function installWebAssembly(): void {
  if (assembly === undefined) return;
  const { compile, Module, Instance } = assembly;
  standInFor<Compile>(
    'WebAssembly.compile',
    assembly,
    'compile',
    (real): Compile => {
      return (bytes) => {
        const world = worldOfCaller();
        if (world === undefined || !isBytes(bytes)) return real(bytes);
        const copy = copyOf(bytes);
        return world.held(() => real(copy));
      };
    },
    true,
  );
  standInFor<Instantiate>(
    'WebAssembly.instantiate',
    assembly,
    'instantiate',
    (real): Instantiate => {
      const instanceOf = (module: object, imports: unknown): object => {
        try {
          return new Instance(module, imports);
        } catch (error) {
          throw inWordsOf('instantiate', error);
        }
      };
      const compiled = async (world: AmbientWorld, bytes: Bytes, imports: unknown): Promise<object> => {
        const copy = copyOf(bytes);
        // What cannot be compiled cannot be instantiated either, and that error has the right words.
        const module = await world.held(() => compile(copy).catch(() => real(copy)));
        return { module, instance: instanceOf(module, imports) };
      };
      return (source, imports) => {
        const world = worldOfCaller();
        if (world !== undefined && isBytes(source)) return compiled(world, source, imports);
        if (world === undefined || !(source instanceof Module)) return real(source, imports);
        return new Promise((resolve) => {
          resolve(instanceOf(source, imports));
        });
      };
    },
    true,
  );
}

/** Undefined for Node and tools too: what they compile serves those who come after the simulation. */
function worldOfCaller(): AmbientWorld | undefined {
  const { world } = hub;
  return world?.isCalledByOthers() === true ? undefined : world;
}

/** By their names, because they may be of another context. */
const BUFFER = /^\[object (?:Shared)?ArrayBuffer\]$/;

function isBytes(source: unknown): source is Bytes {
  return ArrayBuffer.isView(source) || BUFFER.test(Object.prototype.toString.call(source));
}

/** As the engine does: code may change them while they are compiled. */
function copyOf(bytes: Bytes): Uint8Array {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  return new Uint8Array(view);
}

/** The engine's errors begin with the name of the function. */
function inWordsOf(name: string, error: unknown): unknown {
  const { message } = Object(error) as { readonly message?: unknown };
  if (typeof message === 'string' && message.startsWith('WebAssembly.Instance()')) {
    (error as Error).message = message.replace('Instance', name);
  }
  return error;
}
