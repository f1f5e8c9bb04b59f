import { formatCount, formatPercent, shareOf } from '../format.ts';

export interface BarPart {
  name: string;
  count: number;
  /** Names its colour in `bars.css`. */
  kind: string;
}

/** Parts of a whole in one line. Widths are SVG attributes: the policy of the server forbids style attributes. */
export function Bar({ parts, total, label }: { parts: readonly BarPart[]; total: number; label: string }) {
  const shown = parts.filter((part) => part.count > 0);
  const words = shown.map((part) => `${formatCount(part.count)} ${part.name}`).join(', ');
  let at = 0;
  return (
    <svg class="bar" role="img" aria-label={`${label}: ${words || 'nothing yet'}, of ${formatCount(total)}`}>
      <title>{words || 'nothing yet'}</title>
      <rect class="bar-ground" width="100%" height="100%" />
      {shown.map((part) => {
        const width = shareOf(part.count, total);
        const x = at;
        at += width;
        return <rect key={part.name} class={`bar-${part.kind}`} x={`${x}%`} width={`${width}%`} height="100%" />;
      })}
    </svg>
  );
}

/** The colours of a bar, in words. */
export function Legend({ parts, total }: { parts: readonly BarPart[]; total?: number }) {
  return (
    <ul class="legend">
      {parts
        .filter((part) => part.count > 0)
        .map((part) => (
          <li key={part.name}>
            <svg class="swatch" aria-hidden="true">
              <rect class={`bar-${part.kind}`} width="100%" height="100%" />
            </svg>
            <span class="number">{formatCount(part.count)}</span> {part.name}
            {total !== undefined && <span class="faint"> {formatPercent(shareOf(part.count, total))}</span>}
          </li>
        ))}
    </ul>
  );
}
