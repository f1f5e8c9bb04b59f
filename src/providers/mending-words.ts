/** What a model is told, by every adapter, when its answer broke the schema. */
export function mendingWords(problem: string): string {
  return `Your answer does not satisfy the JSON Schema: ${problem}\nAnswer again with the corrected JSON, and nothing else.`;
}
