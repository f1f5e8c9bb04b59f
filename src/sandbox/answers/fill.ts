/** Stands for the many bytes of a huge answer, which are written to disk without ever being one string. */
export const FILL_MARKER = '@@sandbox-fill@@';
