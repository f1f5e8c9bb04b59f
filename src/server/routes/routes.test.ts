import { expect, test } from 'vitest';
import { type BulkBody, job, json, type ProblemBody, post, read, startServer } from '../server-fixtures.ts';

test('process sends what it is told, and says what became of it', async () => {
  const { url, service } = await startServer();
  const sent = await post(`${url}/batch/process`, { job_type: 'creative_scoring', provider: 'openai' });
  expect(await sent.json()).toEqual({
    batch_id: 'openai_1',
    batch_ids: ['openai_1'],
    run_id: 'run-1',
    status: 'submitted',
    job_count: 1,
    message: '1 job is on its way in 1 batch.',
  });
  expect(service.calls).toContain('process 1000');
  service.queues.process = async () => ({ runId: undefined, batches: [], jobs: 0 });
  const none = await post(`${url}/batch/process`, { job_type: 'creative_scoring', provider: 'openai', max_jobs: 5 });
  expect(await none.json()).toMatchObject({ batch_id: null, run_id: null, status: 'no_jobs', job_count: 0 });
  expect(await (await fetch(`${url}/batch/process/all`, { method: 'POST' })).json()).toMatchObject({
    status: 'started',
    run_ids: ['run-1'],
  });
});

test('cancel and retry say what can be done, and why not', async () => {
  const { url, service } = await startServer();
  const ask = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { headers: json, body: JSON.stringify(body) };
    const answer = await fetch(url + path, { method: 'POST', ...init });
    return [answer.status, (await read<{ status: unknown; code?: string }>(answer)).code ?? 'done'];
  };
  expect(await ask('/batch/jobs/job_1/cancel')).toEqual([200, 'done']);
  expect(await ask('/batch/jobs/job_2/cancel')).toEqual([409, 'under_way']);
  expect(await ask('/batch/jobs/job_3/cancel')).toEqual([404, 'not_found']);
  expect(await ask('/batch/jobs/job_1/retry')).toEqual([200, 'done']);
  expect(await ask('/batch/jobs/job_2/retry')).toEqual([409, 'not_failed']);
  expect(await ask('/batch/batches/openai_1/cancel')).toEqual([200, 'done']);
  expect(await ask('/batch/batches/openai_2/cancel')).toEqual([409, 'ended']);
  expect(await ask('/batch/runs/run-1/cancel')).toEqual([200, 'done']);
  expect(await ask('/batch/runs/run-2/cancel')).toEqual([404, 'not_found']);
  expect(await ask('/batch/runs/run-1/retry')).toEqual([200, 'done']);
  expect(await ask('/batch/runs/run-1/retry', { states: ['failed', 'cancelled'] })).toEqual([200, 'done']);
  expect(await ask('/batch/runs/run-1/retry', { states: ['succeeded'] })).toEqual([400, 'invalid']);
  expect(await ask('/batch/deliveries/1/redeliver')).toEqual([200, 'done']);
  expect(await ask('/batch/deliveries/2/redeliver')).toEqual([404, 'not_found']);
  expect(await ask('/batch/deliveries/x/redeliver')).toEqual([400, 'invalid']);
  expect(await ask('/batch/retry')).toEqual([200, 'done']);
  expect(await ask('/batch/retry', { job_type: 'creative_scoring', provider: 'openai' })).toEqual([200, 'done']);
  expect(service.calls).toEqual(['retryFailed {}', 'retryFailed {"jobType":"creative_scoring","provider":"openai"}']);
});

test('jobs are filtered by what is asked, a state may be given several times', async () => {
  const { url, service } = await startServer();
  await fetch(`${url}/batch/jobs?state=failed&state=cancelled&run_id=run-1&search=ab&before=9&limit=7`);
  await fetch(`${url}/batch/jobs?state=failed&batch_id=openai_1&search=`);
  expect(service.calls).toEqual([
    'jobs {"limit":7,"before":9,"runId":"run-1","states":["failed","cancelled"],"search":"ab"}',
    'jobs {"limit":50,"batchId":"openai_1","states":["failed"]}',
  ]);
  expect((await fetch(`${url}/batch/jobs?state=lost`)).status).toBe(400);
  const twice = await fetch(`${url}/batch/jobs?run_id=a&run_id=b`);
  expect([twice.status, (await read<ProblemBody>(twice)).errors[0]?.field]).toEqual([400, 'run_id']);
});

test('the schedule is switched on and off, and what was so already is said', async () => {
  const { url, service } = await startServer();
  const ask = async (path: string) => (await fetch(url + path, { method: 'POST' })).json();
  expect(await ask('/batch/scheduler/start')).toMatchObject({
    status: 'already_running',
    schedule_time: '02:00',
    next_at: '2026-11-20T12:00:00.000Z',
  });
  expect(await ask('/batch/scheduler/stop')).toMatchObject({ status: 'stopped', next_at: null });
  expect(service.current.schedule).toEqual({ enabled: false, time: '02:00', time_zone: 'UTC' });
  expect(await ask('/batch/scheduler/stop')).toMatchObject({ status: 'not_running' });
  expect(await ask('/batch/scheduler/start')).toMatchObject({ status: 'started' });
  expect(service.current.schedule.enabled).toBe(true);
});

test('what another process has set just now is what a change goes by', async () => {
  const { url, service } = await startServer();
  const ask = async (path: string) => (await fetch(url + path, { method: 'POST' })).json();
  const before = service.current;
  // Read a moment ago, as this process knows them.
  service.queues.settings = async () => before;
  const schedule = { enabled: false, time: '04:30', time_zone: 'Europe/Berlin' };
  const channel = { type: 'slack', url: 'https://hooks.slack.com/services/T000/B000/canary' } as const;
  service.current = { ...before, schedule, alert_channels: [channel] };
  expect(await ask('/batch/scheduler/start')).toMatchObject({ status: 'started', schedule_time: '04:30' });
  expect(service.current.schedule).toEqual({ ...schedule, enabled: true });
  const put = (alert_channels: unknown) =>
    fetch(`${url}/batch/settings`, { method: 'PUT', headers: json, body: JSON.stringify({ alert_channels }) });
  const shown = await read<{ alert_channels: { url: string }[] }>(await put([channel]));
  expect(shown.alert_channels[0]?.url).toContain('****');
  expect((await put(shown.alert_channels)).status).toBe(200);
  expect(service.current.alert_channels).toEqual([channel]);
});

test('settings are changed by name, and a secret address is never told', async () => {
  const { url, service } = await startServer();
  const put = (body: unknown) =>
    fetch(`${url}/batch/settings`, { method: 'PUT', headers: json, body: JSON.stringify(body) });
  const secret = 'https://hooks.slack.com/services/T000/B000/canary';
  const changed = await put({ alert_channels: [{ type: 'slack', url: secret }], daily_report: true });
  expect(changed.status).toBe(200);
  const shown = await (await fetch(`${url}/batch/settings`)).text();
  expect(await changed.text()).toBe(shown);
  expect(shown).not.toContain('services/T000');
  expect(service.current.alert_channels).toEqual([{ type: 'slack', url: secret }]);
  expect((await put({ alert_channels: JSON.parse(shown).alert_channels, daily_report: false })).status).toBe(200);
  expect(service.current).toMatchObject({ alert_channels: [{ url: secret }], daily_report: false });
  const wrong = await put({ schedule: { enabled: true, time: '25:00', time_zone: 'Mars/Base' }, colour: 1 });
  expect(wrong.status).toBe(400);
  expect((await read<ProblemBody>(wrong)).errors.map(({ field }) => field).sort()).toEqual([
    'colour',
    'schedule.time',
    'schedule.time_zone',
  ]);
});

test('the period of a report and the beginning of costs are respected', async () => {
  const { url } = await startServer();
  const get = async (path: string) => (await fetch(url + path)).json();
  expect(await get('/batch/report?days=7')).toMatchObject({ period: { days: 7 } });
  expect(await get('/batch/report?days=7&format=markdown')).toEqual({
    content: '# Report of 7 days',
    format: 'markdown',
  });
  expect(await get('/batch/report?days=0')).toMatchObject({ status: 400 });
  expect(await get('/batch/report?format=html')).toMatchObject({ status: 400 });
  expect(await get('/batch/costs?by=model&since=2026-01-01')).toEqual({ by: 'model', since: '2026-01-01', rows: [] });
  expect(await get('/batch/costs')).toMatchObject({ by: 'day', since: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
  expect(await get('/batch/costs?since=yesterday')).toMatchObject({ status: 400 });
  expect(await get('/batch/alerts?all=true')).toEqual({ count: 0, alerts: [] });
});

test('health is told in words, and as a status to those who balance', async () => {
  const { url, service } = await startServer();
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  const healthy = await service.views.health();
  service.views.health = async () => ({ ...healthy, status: 'unhealthy', store_connected: false });
  const statuses = await Promise.all(
    ['/batch/health', '/health', '/ready', '/healthz'].map(async (path) => (await fetch(url + path)).status),
  );
  expect(statuses).toEqual([200, 503, 503, 200]);
});

test('a store that is locked or full is a 503 with when to come back', async () => {
  const { url, service } = await startServer();
  const { OffpeakError } = await import('../../errors.ts');
  for (const [code, seconds] of [
    ['store_locked', '2'],
    ['store_full', '60'],
  ] as const) {
    service.queues.queue = async () => {
      throw new OffpeakError('The store cannot be written now.', { code, retryable: true });
    };
    const answer = await post(`${url}/batch/queue`, job);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, seconds]);
    expect(await answer.json()).toMatchObject({ code, detail: 'The store cannot be written now.' });
  }
});

test('a creative is queued for scoring as the former system had it', async () => {
  const { url, service } = await startServer();
  const query = new URLSearchParams({ creative_id: 'c 1', script: 'buy & win?', priority: '8' });
  const answer = await fetch(`${url}/batch/integrate/creative-scoring?${query}`, { method: 'POST' });
  expect(await answer.json()).toMatchObject({ job_id: 'creative_scoring_1', creative_id: 'c 1', status: 'queued' });
  expect(service.queued).toEqual([
    {
      jobType: 'creative_scoring',
      provider: 'openai',
      data: { creative_id: 'c 1', script: 'buy & win?', niche: 'fitness' },
      priority: 8,
    },
  ]);
  const bad = await fetch(`${url}/batch/integrate/creative-scoring?creative_id=1&priority=0&x=1`, { method: 'POST' });
  expect((await read<ProblemBody>(bad)).errors.map(({ field }) => field).sort()).toEqual(['priority', 'script', 'x']);
});

test('texts are queued for embedding; one that is none stops all before anything is queued', async () => {
  const { url, service } = await startServer();
  const answer = await post(`${url}/batch/integrate/embeddings?priority=3`, ['one', 'two'], { 'idempotency-key': 'k' });
  expect(await answer.json()).toMatchObject({
    job_ids: ['embedding_generation_1', 'embedding_generation_2'],
    count: 2,
    status: 'queued',
    errors: [],
  });
  expect(service.queued[1]).toEqual({
    jobType: 'embedding_generation',
    provider: 'openai',
    data: { input: 'two', index: 1 },
    priority: 3,
    idempotencyKey: 'open/k 1',
  });
  service.queued.length = 0;
  for (const body of [['one', ''], ['one', 2], ['one', '  '], [], {}]) {
    expect((await post(`${url}/batch/integrate/embeddings`, body)).status).toBe(400);
  }
  expect(service.queued).toEqual([]);
  service.outcome = () => ({ type: 'refused', field: 'provider', message: 'is not configured' });
  const refused = await post(`${url}/batch/integrate/embeddings`, ['one', 'two']);
  expect([refused.status, (await read<ProblemBody>(refused)).detail]).toEqual([
    400,
    'Nothing was queued: provider: is not configured',
  ]);
  service.outcome = ({ data }) =>
    data.index === 1 ? { type: 'refused', field: 'data.input', message: 'is too long' } : undefined;
  const some = await read<BulkBody>(post(`${url}/batch/integrate/embeddings`, ['one', 'two', 'three']));
  expect(some.job_ids[1]).toBeNull();
  expect(some.errors).toEqual([{ index: 1, detail: 'data.input: is too long' }]);
});
