/** The part of seedrandom that is used: its `alea`, which turns a text into a state and reads no real randomness. */
declare module 'seedrandom/lib/alea.js' {
  interface Alea {
    /** The next 32 bits, signed. */
    int32(): number;
  }
  export default function alea(seed: string): Alea;
}
