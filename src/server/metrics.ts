import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Dashboard } from '../service/contract/overview.ts';
import type { ServiceViews } from '../service/service.ts';

/** What Prometheus reads: the process, the requests, and the store's own sums, which are read when it asks. */
export interface Metrics {
  render(): Promise<{ contentType: string; text: string }>;
  /** How long an answer took; for routes that time themselves. */
  observe(route: string, status: number, ms: number): void;
  close(): void;
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** Must be called before the routes are added: each gets its clock here. */
export function addMetrics(app: FastifyInstance, views: Pick<ServiceViews, 'dashboard'>): Metrics {
  const registry = new Registry();
  const timers = timeRoutes(app, registry);
  const loop = addProcessGauges(registry);
  const show = addServiceGauges(registry);
  return {
    async render() {
      show(await views.dashboard());
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    observe: (route, status, ms) => timers.get(route)?.(status, ms),
    close: () => loop.disable(),
  };
}

type Timer = (status: number, ms: number) => void;

/** Returns the timers of the routes that time themselves, by their path. */
function timeRoutes(app: FastifyInstance, registry: Registry): ReadonlyMap<string, Timer> {
  const durations = new Histogram({
    name: 'offpeak_http_request_duration_seconds',
    help: 'From the request to the end of its answer, by route and class of status. Streams are left out.',
    labelNames: ['method', 'route', 'status'],
    buckets,
    registers: [registry],
  });
  const timers = new Map<string, Timer>();
  app.addHook('onRoute', (route) => {
    if (route.config?.isStream) return;
    const method = String(route.method);
    const byClass = classes.map((status) => durations.labels(method, route.url, status));
    const observe: Timer = (status, ms) => byClass[Math.floor(status / 100) - 1]?.observe(ms / 1000);
    if (route.config?.timesItself) return void timers.set(route.url, observe);
    const others = route.onResponse === undefined ? [] : [route.onResponse].flat();
    const time: (typeof others)[number] = (_request, reply, done) => {
      observe(reply.statusCode, reply.elapsedTime);
      done();
    };
    route.onResponse = [...others, time];
  });
  return timers;
}

function addProcessGauges(registry: Registry): { disable(): void } {
  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  const registers = [registry];
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, since 1970.',
    registers,
  }).set(Math.round(performance.timeOrigin / 1000));
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Time of the processor, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'nodejs_heap_size_used_bytes',
    help: 'Used part of the heap.',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
  new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'How late the event loop is, since the last look.',
    labelNames: ['quantile'],
    registers,
    collect() {
      for (const quantile of [50, 90, 99])
        this.set({ quantile: String(quantile / 100) }, loop.percentile(quantile) / 1e9);
      this.set({ quantile: '1' }, loop.max / 1e9);
      loop.reset();
    },
  });
  return loop;
}

/** Returns what writes a dashboard's figures into them. */
function addServiceGauges(registry: Registry): (dashboard: Dashboard) => void {
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `offpeak_${name}`, help, labelNames, registers: [registry] });
  const jobs = gauge('jobs', 'Jobs by state; held: waiting in a queue until that is sent.', ['state']);
  const queued = gauge('queue_jobs', 'Jobs that wait in a queue.', ['job_type', 'provider']);
  const oldest = gauge('queue_oldest_timestamp_seconds', 'When the oldest of them came.', ['job_type', 'provider']);
  const batches = gauge('batches', 'Batches by state.', ['state']);
  const success = gauge('success_ratio', 'Of the jobs that have ended.');
  const cost = gauge('cost_usd', 'Charged since the beginning.');
  const realtime = gauge('realtime_cost_usd', 'What the same tokens cost in realtime.');
  const saved = gauge('savings_usd', 'Not spent since the beginning.', ['provider']);
  const unpriced = gauge('unpriced_jobs', 'Answers of models without a known price, which are in no sum.');
  const alerts = gauge('alerts', 'Alerts that are raised.', ['type', 'severity']);

  return ({ overview, queues, cost_savings: money, alerts: open, metrics_by_category: categories }) => {
    const held = queues.reduce((sum, { count }) => sum + count, 0);
    const ended = overview.total_jobs_processed;
    jobs.set({ state: 'held' }, held);
    jobs.set({ state: 'under_way' }, overview.jobs_under_way);
    jobs.set({ state: 'succeeded' }, ended - overview.jobs_failed);
    jobs.set({ state: 'failed' }, overview.jobs_failed);
    const left = overview.total_jobs_queued - held - overview.jobs_under_way - ended;
    jobs.set({ state: 'cancelled' }, Math.max(0, left));
    queued.reset();
    oldest.reset();
    for (const { job_type, provider, count, oldest_at } of queues) {
      queued.set({ job_type, provider }, count);
      oldest.set({ job_type, provider }, Date.parse(oldest_at) / 1000);
    }
    batches.set({ state: 'active' }, overview.active_batches);
    batches.set({ state: 'completed' }, overview.total_batches_completed);
    const failed = Object.values(categories).reduce((sum, { batches_failed }) => sum + batches_failed, 0);
    batches.set({ state: 'failed' }, failed);
    success.set(overview.success_rate / 100);
    cost.set(money.batch_cost);
    realtime.set(money.realtime_cost);
    saved.reset();
    for (const [provider, usd] of Object.entries(money.savings_by_provider)) saved.set({ provider }, usd);
    unpriced.set(money.unpriced_jobs);
    alerts.reset();
    for (const { type, severity } of open) alerts.inc({ type, severity });
  };
}
