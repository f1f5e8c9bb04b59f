import { useEffect, useRef, useState } from 'preact/hooks';
import type { DayMoney } from '../charts/every-day.ts';
import type { MoneyChart } from '../charts/money-chart.ts';
import { formatDay, formatMoney } from '../format.ts';
import { onColours } from '../theme.ts';

/** Money by day. The code that draws comes later than the page; listeners and those who want figures get a table. */
export function Chart({ days, height = 190 }: { days: readonly DayMoney[]; height?: number }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<MoneyChart | undefined>(undefined);
  const latest = useRef(days);
  latest.current = days;
  const [hasFailed, setHasFailed] = useState(false);

  useEffect(() => {
    let isGone = false;
    let end = () => {};
    import('../charts/money-chart.ts').then(
      ({ drawMoneyChart }) => {
        if (isGone || !place.current) return;
        const drawn = drawMoneyChart(place.current, latest.current, height);
        chart.current = drawn;
        const endColours = onColours(() => drawn.redraw());
        end = () => {
          endColours();
          drawn.close();
          chart.current = undefined;
        };
      },
      () => setHasFailed(true),
    );
    return () => {
      isGone = true;
      end();
    };
  }, [height]);

  const key = JSON.stringify(days);
  // The same figures in a new list are not drawn again.
  useEffect(() => chart.current?.update(days), [key]);

  const spent = days.reduce((sum, day) => sum + day.cost_usd, 0);
  const saved = days.reduce((sum, day) => sum + day.savings_usd, 0);
  return (
    <div class="chart">
      <div
        ref={place}
        class="chart-place"
        role="img"
        aria-label={`Chart of ${days.length} days: ${formatMoney(spent)} spent, ${formatMoney(saved)} saved. The figures are in the table below it.`}
      />
      {hasFailed && <p class="faint">The chart could not be loaded; the figures are in the table.</p>}
      <ul class="legend">
        <li>
          <svg class="swatch" aria-hidden="true">
            <rect class="chart-colour-cost" width="100%" height="100%" />
          </svg>
          spent
        </li>
        <li>
          <svg class="swatch" aria-hidden="true">
            <rect class="chart-colour-saved" width="100%" height="100%" />
          </svg>
          saved
        </li>
      </ul>
      <details class="chart-table">
        <summary>Figures of the chart</summary>
        <table>
          <caption class="visually-hidden">Spent and saved by day</caption>
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Spent</th>
              <th scope="col">Saved</th>
            </tr>
          </thead>
          <tbody>
            {days.map((day) => (
              <tr key={day.day}>
                <th scope="row">{formatDay(day.day)}</th>
                <td class="number">{formatMoney(day.cost_usd)}</td>
                <td class="number">{formatMoney(day.savings_usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}
