/** One event of a `text/event-stream`. */
export interface StreamEvent {
  id: string | undefined;
  type: string;
  data: string;
}

/** Reads server-sent events from pieces of text cut anywhere. `onComment`: a line that only keeps the connection alive. */
export function createEventParser(options: { onEvent(event: StreamEvent): void; onComment?(): void }): {
  push(text: string): void;
} {
  let rest = '';
  let data: string[] = [];
  let type = '';
  let id: string | undefined;

  const end = () => {
    if (data.length > 0) options.onEvent({ id, type: type || 'message', data: data.join('\n') });
    data = [];
    type = '';
  };

  const take = (line: string) => {
    if (line === '') return end();
    if (line.startsWith(':')) return options.onComment?.();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
  };

  return {
    push(text) {
      rest += text;
      // A CR at the end may be half of a CR LF.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    },
  };
}
