declare module 'seedrandom/lib/alea.js' {
  interface Alea {
    /** The next 32 bits, signed. */
    int32(): number;
  }
  export default function alea(seed: string): Alea;
}
