import type { SkipCode } from '../../source.ts';

/** What came out of a document. */
export type DocumentText = { text: string } | { problem: SkipCode; message: string };
