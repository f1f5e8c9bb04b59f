import { jsonReply, type Reply } from '../reply.ts';

/** One refusal in the eyes of the service: an HTTP status with its google.rpc name (contract section 3.8). */
export interface GeminiError {
  code: number;
  status: string;
  message: string;
  details?: unknown[];
}

const STATUS_NAMES: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const QUOTA_HELP = {
  '@type': 'type.googleapis.com/google.rpc.Help',
  links: [
    { description: 'Learn more about Gemini API quotas', url: 'https://ai.google.dev/gemini-api/docs/rate-limits' },
  ],
};

export function geminiError(code: number, message: string, details?: unknown[]): GeminiError {
  const status = STATUS_NAMES[code] ?? (code >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT');
  return { code, message, status, ...(details === undefined ? {} : { details }) };
}

export function invalidArgument(message: string): GeminiError {
  return geminiError(400, message);
}

export function refuse(error: GeminiError): Reply {
  return jsonReply(error.code, { error });
}

export function badRequest(message: string): Reply {
  return refuse(invalidArgument(message));
}

export function notFound(message = 'Requested entity was not found.'): Reply {
  return refuse(geminiError(404, message));
}

/** The queue of a model is full, or a fault says so. */
export function quotaExceeded(): Reply {
  const message =
    'You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.';
  return refuse(geminiError(429, message, [QUOTA_HELP]));
}

/** Errors made by the server itself, faults without a body of their own among them. */
export function errorReply(code: number, message: string): Reply {
  return code === 429 ? quotaExceeded() : refuse(geminiError(code, message));
}
