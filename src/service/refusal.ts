/** Why a job cannot be sent as it is. Names the field, never what stands in it: prompts stay out of messages. */
export interface Refusal {
  /** `data.temperature`. */
  field: string;
  message: string;
}

export type Parsed<T> = { value: T } | { refusal: Refusal };

export function refused(field: string, message: string): { refusal: Refusal } {
  return { refusal: { field, message } };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
