import type { CodeTable } from '../schema/error.ts';

/** Errors of exact arithmetic and of decimal text. */
export const CODES = {
  CHM731: {
    title: 'an exact amount does not fit',
    text: 'Exact amounts are integers held as doubles, which are exact up to 2^53. The result of this operation is larger. Nothing of the cycle is emitted. Usually an input is wrong (a price or quantity of another instrument, a wrong number of decimals); otherwise the instrument is declared with more decimals than it trades with.',
  },
  CHM732: {
    title: 'an exact operation was given what is no integer',
    text: 'Exact amounts are safe integers, and a divisor is not zero. A fraction, NaN, an infinity or zero in this place means that a double feature was used where an exact amount is expected, or that a division was not guarded.',
  },
  CHM733: {
    title: 'this text is no decimal number',
    text: 'A decimal number is an optional sign, digits with at most one point among or around them, and an optional exponent: 12, -0.5, 1e-8. Separators of thousands, spaces, Infinity and NaN are not numbers here.',
  },
  CHM734: {
    title: 'a number has more decimals than its kind can hold',
    text: 'The instrument (or the kind of amount) is declared with a number of decimals, and this number has digits beyond them that are not zero. It is not rounded silently: give the instrument its real number of decimals, or correct the number.',
  },
} as const satisfies CodeTable;
