import { expect, test } from 'vitest';
import { job, post, startServer } from './server-fixtures.ts';

test('Prometheus reads the store, the requests and the process', async () => {
  const { url } = await startServer();
  await post(`${url}/batch/queue`, job);
  await post(`${url}/batch/queue`, {});
  await fetch(`${url}/batch/runs/run-9`);
  const answer = await fetch(`${url}/metrics`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await answer.text()).split('\n');
  for (const line of [
    'offpeak_jobs{state="held"} 7',
    'offpeak_jobs{state="under_way"} 2',
    'offpeak_jobs{state="succeeded"} 2',
    'offpeak_jobs{state="failed"} 1',
    'offpeak_jobs{state="cancelled"} 0',
    'offpeak_queue_jobs{job_type="creative_scoring",provider="openai"} 7',
    'offpeak_queue_oldest_timestamp_seconds{job_type="creative_scoring",provider="openai"} 1795176000',
    'offpeak_batches{state="active"} 1',
    'offpeak_cost_usd 1',
    'offpeak_realtime_cost_usd 2',
    'offpeak_savings_usd{provider="openai"} 1',
    'offpeak_http_request_duration_seconds_count{method="POST",route="/batch/queue",status="2xx"} 1',
    'offpeak_http_request_duration_seconds_count{method="POST",route="/batch/queue",status="4xx"} 1',
    // The pattern, never the id: ids without end would be series without end.
    'offpeak_http_request_duration_seconds_count{method="GET",route="/batch/runs/:run_id",status="4xx"} 1',
  ]) {
    expect(lines).toContain(line);
  }
  const names = new Set(lines.filter((line) => !line.startsWith('#')).map((line) => line.split(/[ {]/)[0]));
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']) {
    expect(names).toContain(name);
  }
});

test('two servers in one process count apart', async () => {
  const [one, two] = await Promise.all([startServer(), startServer()]);
  await post(`${one.url}/batch/queue`, job);
  const text = await (await fetch(`${two.url}/metrics`)).text();
  expect(text).not.toContain('route="/batch/queue",status="2xx"} 1');
});
