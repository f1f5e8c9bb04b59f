/** JSON text of the store as a value for an answer; what is absent is null, and what is no JSON is shown as it stands. */
export function jsonValue(text: string | undefined): unknown {
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
