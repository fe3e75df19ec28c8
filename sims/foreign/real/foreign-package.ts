// What every reproduction on real timers needs: the package as npm delivers it, real time, and a last line that says what came out.
import process from 'node:process';

/** The package that is installed in `sims/foreign`. */
export function importForeign<Package>(name: string): Promise<Package> {
  return import(name) as Promise<Package>;
}

/** Real milliseconds. */
export function ms(duration: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, duration);
  });
}

/** Prints what was seen, and exits with 1 if it is what the simulation has found. */
export function report(isKept: boolean, broken: string): void {
  process.stdout.write(isKept ? 'kept\n' : `broken: ${broken}\n`);
  process.exit(isKept ? 0 : 1);
}
