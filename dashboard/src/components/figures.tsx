import type { ComponentChildren } from 'preact';
import { exactMoney, formatCount, formatMoney } from '../format.ts';
import { stateName, type Tone, toneOf } from '../words.ts';

export const Count = ({ value }: { value: number }) => (
  <span class={value === 0 ? 'number faint' : 'number'}>{formatCount(value)}</span>
);

/** Unknown is not nothing: a model without a known price shows a dash. */
export function Money({ usd }: { usd: number | null }) {
  if (usd === null)
    return (
      <span class="faint" title="The price of the model is not known">
        –
      </span>
    );
  return (
    <span class={usd === 0 ? 'number faint' : 'number'} title={exactMoney(usd)}>
      {formatMoney(usd)}
    </span>
  );
}

export const Tag = ({ tone = 'neutral', children }: { tone?: Tone; children: ComponentChildren }) => (
  <span class={`tag tag-${tone}`}>{children}</span>
);

export const StateTag = ({ state }: { state: string }) => <Tag tone={toneOf(state)}>{stateName(state)}</Tag>;

export const SimulatedTag = () => (
  <span class="tag tag-simulated" title="Answered by the sandbox: the answers and the money are made up">
    simulated
  </span>
);

/** An id of ours or of a provider: whole on hover, never wider than its place. */
export const Code = ({ text }: { text: string }) => (
  <code class="id" title={text}>
    {text}
  </code>
);

/** One figure with what it means. */
export function Stat(props: { label: string; children: ComponentChildren; note?: ComponentChildren; tone?: Tone }) {
  return (
    <div class="stat">
      <dt>{props.label}</dt>
      <dd class={props.tone ? `stat-value stat-${props.tone}` : 'stat-value'}>{props.children}</dd>
      {props.note !== undefined && <dd class="stat-note">{props.note}</dd>}
    </div>
  );
}

/** Names and values; those without a value are left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
