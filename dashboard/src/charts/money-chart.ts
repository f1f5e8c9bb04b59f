import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatDay, formatMoney, formatRoundMoney } from '../format.ts';
import type { DayMoney } from './every-day.ts';

export interface MoneyChart {
  update(days: readonly DayMoney[]): void;
  /** The colours of the page have changed. */
  redraw(): void;
  close(): void;
}

/** A bar for each day: what was spent below, what realtime would have cost on top of it. */
export function drawMoneyChart(place: HTMLElement, days: readonly DayMoney[], height: number): MoneyChart {
  let shown = days;
  const tip = document.createElement('div');
  tip.className = 'chart-tip';
  let plot = draw();

  function draw(): uPlot {
    tip.hidden = true;
    const made = new uPlot(
      optionsOf(place, height, tip, () => shown),
      dataOf(shown),
      place,
    );
    made.over.append(tip);
    return made;
  }

  // One call for all changes of a moment; a chart that sets its own size must not call itself.
  const observer = new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  });
  observer.observe(place);
  return {
    update(next) {
      shown = next;
      plot.setData(dataOf(next));
    },
    redraw() {
      plot.destroy();
      plot = draw();
    },
    close() {
      observer.disconnect();
      plot.destroy();
    },
  };
}

function dataOf(days: readonly DayMoney[]): uPlot.AlignedData {
  return [
    days.map((day) => Date.parse(`${day.day}T00:00:00Z`) / 1000),
    days.map((day) => day.cost_usd + day.savings_usd),
    days.map((day) => day.cost_usd),
  ];
}

const dayS = 86_400;

function optionsOf(
  place: HTMLElement,
  height: number,
  tip: HTMLElement,
  days: () => readonly DayMoney[],
): uPlot.Options {
  const saved = colourOf(place, 'chart-colour-saved');
  const cost = colourOf(place, 'chart-colour-cost');
  const text = colourOf(place, 'chart-colour-text');
  const line = colourOf(place, 'chart-colour-line');
  const bars = uPlot.paths.bars?.({ size: [0.72, 28], radius: [0.15, 0] });
  const font = `11px ${getComputedStyle(place).fontFamily}`;
  const series = (fill: string): uPlot.Series => ({
    fill,
    width: 0,
    points: { show: false },
    ...(bars && { paths: bars }),
  });
  return {
    width: Math.max(Math.floor(place.clientWidth), 200),
    height,
    padding: [8, 4, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { range: (_, first, last) => [first - dayS / 2, last + dayS / 2] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] },
    },
    series: [{}, series(saved), series(cost)],
    axes: [
      {
        stroke: text,
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 26,
        space: 56,
        values: (_, splits) => splits.map((at) => formatDay(new Date(at * 1000).toISOString().slice(0, 10))),
      },
      {
        stroke: text,
        font,
        size: 46,
        space: 36,
        grid: { stroke: line, width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map(formatRoundMoney),
      },
    ],
    hooks: { setCursor: [(plot) => moveTip(plot, tip, days())] },
  };
}

function moveTip(plot: uPlot, tip: HTMLElement, days: readonly DayMoney[]): void {
  const { idx, left } = plot.cursor;
  const day = typeof idx === 'number' ? days[idx] : undefined;
  if (!day || left === undefined || left < 0) {
    tip.hidden = true;
    return;
  }
  tip.hidden = false;
  tip.textContent = `${formatDay(day.day)}: ${formatMoney(day.cost_usd)} spent, ${formatMoney(day.savings_usd)} saved`;
  const most = plot.over.clientWidth - tip.offsetWidth;
  tip.style.left = `${Math.max(0, Math.min(left - tip.offsetWidth / 2, most))}px`;
}

/** A canvas knows no custom properties: an element of the class is asked for its colour. */
function colourOf(place: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.className = name;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
