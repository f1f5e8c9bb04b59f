import { expect, test } from 'vitest';
import { z } from 'zod';
import { OffpeakError } from '../errors.ts';
import { fieldErrors, HttpProblem, invalid, pathOf, problemDocument, problemOf } from './problem.ts';

test('an error of the house has its status, its words and when to come back', () => {
  const locked = problemOf(new OffpeakError('The store is locked.', { code: 'store_locked' }), 'r1');
  expect(locked.status).toBe(503);
  expect(locked.headers).toEqual({ 'retry-after': '2' });
  expect(problemDocument(locked, '/batch/queue')).toEqual({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    detail: 'The store is locked.',
    instance: '/batch/queue',
    code: 'store_locked',
  });
  const asked = new OffpeakError('Slow down.', { code: 'rate_limited', retryAfterMs: 1_200 });
  expect(problemOf(asked, 'r1').headers).toEqual({ 'retry-after': '2' });
  expect(problemOf(new OffpeakError('No.', { code: 'not_found' }), 'r1').status).toBe(404);
  expect(problemOf(new OffpeakError('No.', { code: 'usage' }), 'r1').status).toBe(400);
  expect(problemOf(new OffpeakError('No.', { code: 'conflict' }), 'r1').status).toBe(409);
  expect(problemOf(new OffpeakError('Full.', { code: 'store_full' }), 'r1')).toMatchObject({
    status: 503,
    headers: { 'retry-after': '60' },
  });
});

test('what nobody expected tells nothing but where to look', () => {
  const problem = problemOf(new TypeError('secret of /etc/passwd'), 'r7');
  expect(problem.status).toBe(500);
  expect(JSON.stringify(problemDocument(problem))).not.toContain('secret');
  expect(problem.message).toContain('r7');
  expect(problemOf('a text', 'r7').status).toBe(500);
  // A server's own status is never taken from a stranger's error.
  expect(problemOf(Object.assign(new Error('x'), { statusCode: 200 }), 'r7').status).toBe(500);
  expect(problemOf(Object.assign(new Error('too large'), { statusCode: 413 }), 'r7').status).toBe(413);
});

test('each wrong field is named, and an unknown one by its own name', () => {
  const schema = z.strictObject({ data: z.strictObject({ model: z.string() }), priority: z.int().max(10) });
  const result = schema.safeParse({ data: { model: 1, tenant: 'x' }, priority: 11, status: 'done', cost: 0 });
  const fields = fieldErrors(result.error?.issues ?? []).map(({ field, message }) => [field, message]);
  expect(fields).toContainEqual(['data.tenant', 'unknown field']);
  expect(fields).toContainEqual(['status', 'unknown field']);
  expect(fields).toContainEqual(['cost', 'unknown field']);
  expect(fields.map(([field]) => field)).toContain('data.model');
  expect(fields.map(([field]) => field)).toContain('priority');
  expect(fieldErrors(schema.safeParse(undefined).error?.issues ?? [])[0]?.field).toBe('body');
});

test('a thousand wrong fields are not a thousand lines', () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, 1]));
  const errors = fieldErrors(z.strictObject({}).safeParse(many).error?.issues ?? []);
  expect(errors.length).toBe(20);
  expect(invalid(errors).message).toContain('and 17 more');
});

test('a path is shown without its query', () => {
  expect(pathOf('/batch/integrate/creative-scoring?script=my+secret+script')).toBe('/batch/integrate/creative-scoring');
  expect(pathOf(undefined)).toBe('/');
  expect(new HttpProblem(400, { code: 'x', detail: 'y' }).errors).toBeUndefined();
});
