import type { ContentPart, Message, NativeRequest } from '../request.ts';
import { framedDocument } from '../request.ts';
import { type Parsed, refused } from './refusal.ts';

/** Only here can a model watch a video by its address (contracts, Gemini 3.9). */
export const watchesVideos: readonly string[] = ['gemini'];

/** By the end of the path; an address without one (YouTube, the Files API) goes without a type. */
const mimeTypes: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mpeg: 'video/mpeg',
  mpg: 'video/mpeg',
  avi: 'video/avi',
  flv: 'video/x-flv',
  wmv: 'video/wmv',
  '3gp': 'video/3gpp',
};

export interface Video {
  url: string;
  mimeType?: string;
}

/** The provider fetches it, not we; but what it fetches is paid. */
export function parseVideoUrl(value: unknown): Parsed<Video> {
  const url = typeof value === 'string' && value.length <= 4000 ? URL.parse(value) : null;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    return refused('data.video_url', 'must be an https address without a user name and password');
  }
  const extension = /\.([a-z0-9]{3,4})$/i.exec(url.pathname)?.[1]?.toLowerCase() ?? '';
  const mimeType = Object.hasOwn(mimeTypes, extension) ? mimeTypes[extension] : undefined;
  return { value: mimeType === undefined ? { url: url.href } : { url: url.href, mimeType } };
}

export interface VideoQuestion {
  model: string;
  video: Video;
  messages: readonly Message[];
  temperature?: number;
  maxTokens: number;
}

/** Gemini's own body, the video as the first part of the last thing that the user says. */
export function toVideoRequest(question: VideoQuestion): NativeRequest {
  const { model, video, messages } = question;
  const { url: fileUri, mimeType } = video;
  const fileData = mimeType === undefined ? { fileUri } : { mimeType, fileUri };
  const talk = messages.filter(({ role }) => role !== 'system');
  const lastQuestion = talk.findLast(({ role }) => role === 'user');
  const contents: { role: string; parts: unknown[] }[] = talk.map((message) => ({
    role: message.role === 'assistant' ? 'model' : 'user',
    parts: [...(message === lastQuestion ? [{ fileData }] : []), ...message.content.map(partOf)],
  }));
  const instructions = messages.filter(({ role }) => role === 'system').flatMap(({ content }) => content.map(partOf));
  return {
    type: 'native',
    model,
    endpoint: `/v1beta/models/${model}:generateContent`,
    body: {
      contents,
      ...(instructions.length === 0 ? {} : { systemInstruction: { parts: instructions } }),
      generationConfig: {
        ...(question.temperature === undefined ? {} : { temperature: question.temperature }),
        maxOutputTokens: question.maxTokens,
      },
    },
  };
}

function partOf(part: ContentPart): unknown {
  if (part.type === 'image') return { inlineData: { mimeType: part.mediaType.toLowerCase(), data: part.base64 } };
  return { text: part.type === 'document' ? framedDocument(part) : part.text };
}
