/** Questions by their text alone, for logs in tests: those that a test does not know the parts of are the same by kind and text. */
import { question, type Question } from '../src/kernel/question.ts';

/** A plain choice, as `sim.choose(text, n)` asks it. */
export const choice = (text: string): Question => question('choice', text);

/** The question whether something goes wrong. */
export const fault = (text: string): Question => question('fault', text);

/** The question how long something takes. */
export const delay = (text: string): Question => question('delay', text);

/** The question which of the events that are due together comes first; `text` is what the first of them is about. */
export const order = (text: string): Question => question('order', text);

/** A part of a value that is drawn. */
export const draw = (text: string): Question => question('draw', text);
