import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createSmtpMailer, mailDelivery, sendMail } from './mailer.ts';

/** As much of an SMTP server as one mail needs. */
async function startSmtp(refuse?: string) {
  const mails: string[] = [];
  const server = createServer((socket) => {
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    let data: string | undefined;
    let rest = '';
    socket.write('220 test ESMTP\r\n');
    socket.on('data', (chunk: string) => {
      rest += chunk;
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (data !== undefined) {
          if (line === '.') {
            mails.push(data);
            data = undefined;
            socket.write('250 taken\r\n');
          } else data += `${line}\n`;
        } else if (/^DATA/i.test(line)) {
          data = '';
          socket.write('354 go on\r\n');
        } else if (/^RCPT/i.test(line) && refuse) socket.write(`${refuse}\r\n`);
        else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  return { mails, port: typeof address === 'object' && address ? address.port : 0 };
}

const signal = new AbortController().signal;
const mail = mailDelivery({ to: 'ops@example.com', subject: 'Nähe des Endes', text: 'Erste Zeile\n.zweite' });

test('a mail goes out by SMTP', async () => {
  const { mails, port } = await startSmtp();
  const mailer = createSmtpMailer({ host: '127.0.0.1', port, from: 'offpeak@example.com' });
  expect(await sendMail(mailer, { ...mail, clock: createFakeClock(), signal })).toBeUndefined();
  expect(mails).toHaveLength(1);
  expect(mails[0]).toContain('From: offpeak@example.com');
  expect(mails[0]).toContain('To: ops@example.com');
  expect(mails[0]).toContain('Erste Zeile');
});

test('one that is refused says by which number, and not in whose words', async () => {
  const { mails, port } = await startSmtp('550 no such canary here');
  const mailer = createSmtpMailer({ host: '127.0.0.1', port, from: 'offpeak@example.com' });
  const error = await sendMail(mailer, { ...mail, clock: createFakeClock(), signal });
  expect(error).toBe('the mail server did not take it (EENVELOPE 550)');
  expect(mails).toEqual([]);
});

test('nobody listens', async () => {
  const { port } = await startSmtp();
  const mailer = createSmtpMailer({ host: '127.0.0.1', port: port === 1 ? 2 : 1, from: 'offpeak@example.com' });
  const error = await sendMail(mailer, { ...mail, clock: createFakeClock(), signal });
  expect(error).toMatch(/^the mail server did not take it \(E[A-Z]+\)$/);
});

test('a server that never ends, and a service that is closed', async () => {
  const clock = createFakeClock();
  const endless = { send: () => new Promise<void>(() => {}) };
  const sending = sendMail(endless, { ...mail, clock, signal });
  expect(await clock.runUntil(sending)).toBe('no answer');
  const stop = new AbortController();
  const stopped = sendMail(endless, { ...mail, clock, signal: stop.signal });
  stop.abort();
  expect(await stopped).toBe('the service was stopped');
});
