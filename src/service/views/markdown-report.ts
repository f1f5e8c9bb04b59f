import type { Report } from '../contract/overview.ts';

/** A report for people: mail, chat, a file. */
export function markdownReport(report: Report): string {
  const { period, metrics, cost_savings: money } = report;
  return `${[
    `# Offpeak report`,
    `${when(period.start)} to ${when(period.end)} UTC (${period.days === 1 ? '1 day' : `${period.days} days`})`,
    '## Overview',
    list([
      ['Jobs', whole(metrics.total_jobs)],
      ['Batches', whole(metrics.total_batches)],
      ['Success rate', `${metrics.success_rate} %`],
      ['Cost', usd(money.batch_cost)],
      ['Saved', usd(money.total_savings)],
    ]),
    '## Cost Savings',
    list([
      ['At realtime prices', usd(money.realtime_cost)],
      ['Charged', usd(money.batch_cost)],
      ['Saved', `${usd(money.total_savings)} (${money.savings_percentage} %)`],
      ...(money.unpriced_jobs === 0
        ? []
        : [['Answers without a known price, in no sum', whole(money.unpriced_jobs)] as const]),
    ]),
    '## Savings by Job Type',
    groups(metrics.by_job_type, 'Job type'),
    '## Savings by Provider',
    groups(metrics.by_provider, 'Provider'),
    '## Savings by Model',
    table(
      ['Model', 'Answers', 'Cost', 'Saved'],
      Object.entries(metrics.by_model).map(([model, figures]) => [
        model,
        whole(figures.attempts),
        usd(figures.cost_usd),
        usd(figures.savings_usd),
      ]),
    ),
    '## Performance',
    list([
      ['Batches completed', whole(metrics.completed_batches)],
      ['Batches failed', whole(metrics.failed_batches)],
      ['Jobs a batch', String(metrics.avg_batch_size)],
    ]),
    table(
      ['Slowest batches', 'Hours', 'Jobs'],
      report.slowest_batches.map(({ batch_id, hours, job_count }) => [batch_id, String(hours), whole(job_count)]),
    ),
    '## Failures',
    table(
      ['Reason', 'Jobs'],
      report.failures.map(({ code, count }) => [code, whole(count)]),
    ),
    '## Alerts',
    report.alerts.length === 0
      ? 'None.'
      : report.alerts
          .map(({ severity, title, message, raised_at, resolved_at }) => {
            const end = resolved_at === null ? 'open' : `resolved ${when(resolved_at)}`;
            return `- **${text(title)}** (${severity}, ${when(raised_at)}, ${end}): ${text(message)}`;
          })
          .join('\n'),
  ].join('\n\n')}\n`;
}

function groups(figures: Report['metrics']['by_job_type'], title: string): string {
  return table(
    [title, 'Jobs', 'Succeeded', 'Failed', 'Cost', 'Saved'],
    Object.entries(figures).map(([group, each]) => [
      group,
      whole(each.jobs),
      whole(each.succeeded),
      whole(each.failed),
      usd(each.cost_usd),
      usd(each.savings_usd),
    ]),
  );
}

function list(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([name, value]) => `- ${name}: ${value}`).join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'None.';
  const line = (cells: readonly string[]) => `| ${cells.map(text).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Names and messages come from others: they are text, no links, tables, tags or images of their own. */
function text(value: string): string {
  return value
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replace(/[\\`*[\]<>|!~]/g, (mark) => `\\${mark}`);
}

function usd(value: number): string {
  return `$${value.toFixed(value !== 0 && Math.abs(value) < 0.1 ? 4 : 2)}`;
}

function whole(value: number): string {
  return value.toLocaleString('en-US');
}

function when(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
