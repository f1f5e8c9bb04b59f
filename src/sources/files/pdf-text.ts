import { setImmediate } from 'node:timers/promises';
import type { DocumentText } from './document-text.ts';

export function isPdf(bytes: Buffer): boolean {
  return bytes.length >= 5 && bytes.toString('latin1', 0, 5) === '%PDF-';
}

/** The text layer of a PDF, pages separated by blank lines; stops reading once it is above `maxTextBytes`. */
export async function pdfText(bytes: Buffer, maxTextBytes: number): Promise<DocumentText> {
  const { getDocumentProxy } = await import('unpdf');
  let pages = 0;
  try {
    // A copy: pdf.js takes the memory over, and it may be a slice of a pool.
    const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
    try {
      const texts: string[] = [];
      let size = 0;
      for (pages = 1; pages <= pdf.numPages && size <= maxTextBytes; pages++) {
        const page = await pdf.getPage(pages);
        const { items } = await page.getTextContent();
        page.cleanup();
        const text = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('');
        size += text.length + 2;
        if (/\S/.test(text)) texts.push(text.trim());
        await setImmediate();
      }
      const text = texts.join('\n\n');
      return text === '' ? { problem: 'empty', message: 'the PDF has no text layer (scanned?)' } : { text };
    } finally {
      await pdf.loadingTask.destroy();
    }
  } catch (error) {
    const isLocked = error instanceof Error && error.name === 'PasswordException';
    const message = isLocked ? 'the PDF needs a password' : 'the PDF is damaged: its text cannot be extracted';
    return { problem: 'unreadable', message };
  }
}
