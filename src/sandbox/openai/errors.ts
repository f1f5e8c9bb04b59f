import { jsonReply, type Reply } from '../reply.ts';

/** The fields of OpenAI's error object (contract section 1.9). */
export interface ApiError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

export function invalidRequest(message: string, param: string | null = null, code: string | null = null): ApiError {
  return { message, type: 'invalid_request_error', param, code };
}

export function errorReply(status: number, error: ApiError): Reply {
  return jsonReply(status, { error });
}

export function badRequest(message: string, param: string | null = null, code: string | null = null): Reply {
  return errorReply(400, invalidRequest(message, param, code));
}

export function notFound(message: string, param: string | null = null): Reply {
  return errorReply(404, invalidRequest(message, param));
}
