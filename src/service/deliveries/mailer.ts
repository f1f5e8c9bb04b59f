import { z } from 'zod';
import type { Clock } from '../../clock.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** Sends one mail to one address; throws when it was not taken. */
export interface Mailer {
  send(mail: Mail): Promise<void>;
}

export interface SmtpOptions {
  host: string;
  port: number;
  /** TLS from the first byte, as on port 465; else it is begun when the server offers it. */
  secure?: boolean;
  user?: string;
  password?: string;
  from: string;
}

const timeoutMs = 15_000;

/** By a server of one's own; nodemailer is loaded when the first mail is sent. */
export function createSmtpMailer({ from, user, password, ...server }: SmtpOptions): Mailer {
  return {
    async send({ to, subject, text }) {
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        ...server,
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        // What a mail says comes from others: it names no file and no URL to be put in.
        disableFileAccess: true,
        disableUrlAccess: true,
        ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
      });
      try {
        await transport.sendMail({ from, to, subject, text });
      } finally {
        transport.close();
      }
    },
  };
}

/** A mail as a delivery of the outbox: it waits, is retried and recorded as webhooks are. */
export function mailDelivery({ to, subject, text }: Mail): { url: string; body: string } {
  return { url: `mailto:${to}`, body: JSON.stringify({ subject, text }) };
}

export function isMail(url: string): boolean {
  return url.startsWith('mailto:');
}

const mailBody = z.object({ subject: z.string(), text: z.string() });

/** Undefined: it was taken. Else why not, in our own words. */
export async function sendMail(
  mailer: Mailer | undefined,
  { url, body, clock, signal }: { url: string; body: string; clock: Clock; signal: AbortSignal },
): Promise<string | undefined> {
  if (!mailer) return 'no mail server is configured';
  const { subject, text } = mailBody.parse(JSON.parse(body));
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const late = clock.sleep(2 * timeoutMs, stop).then(() => (signal.aborted ? 'the service was stopped' : 'no answer'));
  const sent = mailer.send({ to: url.slice('mailto:'.length), subject, text }).then(
    () => undefined,
    (error: unknown) => `the mail server did not take it${codeOf(error)}`,
  );
  try {
    return await Promise.race([sent, late]);
  } finally {
    done.abort();
  }
}

/** nodemailer's word (`EAUTH`, `ECONNECTION`) and the server's number; their text may hold names and addresses. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const number = 'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : undefined;
  const parts = [code, number].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : ` (${parts.join(' ')})`;
}
