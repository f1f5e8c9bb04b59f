/** A row of a CSV file; `number`: the line on which it begins. */
export interface CsvRow {
  number: number;
  fields: string[];
  error?: string;
}

/**
 * RFC 4180, piece by piece: quoted fields may hold commas, quotes and line breaks. The separator (comma, semicolon or
 * tab) is what the first line has most of.
 */
export function createCsvParser(options: { maxFieldCharacters: number }): {
  push(text: string): CsvRow[];
  end(): CsvRow[];
} {
  let separator: string | undefined;
  let held = '';
  let fields: string[] = [];
  let field = '';
  let isQuoted = false;
  /** After a quote inside a quoted field: the end of it, or the first half of a doubled one. */
  let isAfterQuote = false;
  let isTooLong = false;
  let line = 1;
  let startLine = 1;

  const endField = () => {
    fields.push(field);
    field = '';
    isAfterQuote = false;
  };
  const endRow = (rows: CsvRow[], error?: string) => {
    endField();
    const reason = isTooLong ? `a field is longer than ${options.maxFieldCharacters} characters` : error;
    const isBlank = fields.length === 1 && fields[0] === '';
    if (!isBlank || reason) rows.push({ number: startLine, fields, ...(reason && { error: reason }) });
    fields = [];
    isTooLong = false;
    startLine = line;
  };
  const add = (character: string) => {
    if (field.length < options.maxFieldCharacters) field += character;
    else isTooLong = true;
  };

  const take = (character: string, rows: CsvRow[]) => {
    if (character === '\n') line += 1;
    if (isQuoted && !isAfterQuote) {
      if (character === '"') isAfterQuote = true;
      else add(character);
      return;
    }
    if (isAfterQuote) {
      isAfterQuote = false;
      if (character === '"') return add('"');
      isQuoted = false;
    }
    if (character === separator) endField();
    else if (character === '\n') endRow(rows);
    else if (character === '"' && field === '') isQuoted = true;
    else if (character !== '\r') add(character);
  };

  const takeAll = (text: string): CsvRow[] => {
    const rows: CsvRow[] = [];
    for (const character of text) take(character, rows);
    return rows;
  };

  return {
    push(text) {
      if (separator !== undefined) return takeAll(text);
      held += text;
      const end = held.indexOf('\n');
      if (end < 0 && held.length < options.maxFieldCharacters) return [];
      return begin();
    },
    end() {
      const rows = separator === undefined ? begin() : [];
      if (isQuoted && !isAfterQuote) endRow(rows, 'a quoted field is never closed');
      else if (fields.length > 0 || field !== '' || isAfterQuote) {
        isQuoted = false;
        endRow(rows);
      }
      return rows;
    },
  };

  function begin(): CsvRow[] {
    const text = held.replace(/^\uFEFF/, '');
    held = '';
    separator = separatorOf(text.split('\n', 1)[0] ?? '');
    return takeAll(text);
  }
}

function separatorOf(head: string): string {
  const counts = [',', ';', '\t'].map((each) => [each, head.split(each).length] as const);
  return counts.reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}
