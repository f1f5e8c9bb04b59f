/** Figures as people read them. English throughout, whatever the browser speaks: so is the rest of the page. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
export const formatCount = (count: number): string => whole.format(count);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

const money = (fewest: number, most: number) =>
  new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: fewest,
    maximumFractionDigits: most,
  });
const cents = money(2, 2);
const small = money(4, 4);
const tiny = money(6, 6);
const smallest = 0.000_001;

/** Cents, and below ten of them as many places as it takes to tell what one job costs. */
export function formatMoney(usd: number): string {
  const size = Math.abs(usd);
  if (size === 0) return '$0.00';
  if (size < smallest) return `${usd < 0 ? '> -' : '< '}$0.000001`;
  return (size < 0.001 ? tiny : size < 0.1 ? small : cents).format(usd);
}

const round = money(0, 0);
/** For the axis of a chart. */
export const formatRoundMoney = (usd: number): string => (Number.isInteger(usd) ? round.format(usd) : formatMoney(usd));

/** To the thousand-millionth, for those who look closely. */
export const exactMoney = (usd: number): string => `$${usd.toFixed(9).replace(/(\.\d\d\d*?)0+$/, '$1')}`;

const oneDecimal = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const twoDecimals = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });

/** Near 0 and 100 with two places: 99.96 is not 100. */
export function formatPercent(percent: number): string {
  const isNearEnd = (percent > 99 && percent < 100) || (percent > 0 && percent < 1);
  return `${(isNearEnd ? twoDecimals : oneDecimal).format(percent)} %`;
}

export const shareOf = (part: number, total: number): number => (total > 0 ? (part / total) * 100 : 0);

const byteUnits = ['bytes', 'KB', 'MB', 'GB', 'TB'] as const;
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : oneDecimal.format(value)} ${byteUnits[unit]}`;
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
export const formatCompact = (value: number): string => compact.format(value);

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `3 h 20 min`: two units at most. */
export function formatDuration(milliseconds: number): string {
  const size = Math.max(0, milliseconds);
  if (size > 0 && size < second) return `${Math.max(1, Math.round(size))} ms`;
  if (size < minute) return `${Math.round(size / second)} s`;
  if (size < hour) return `${Math.round(size / minute)} min`;
  if (size < day) return twoUnits(size, hour, 'h', minute, 'min');
  return twoUnits(size, day, 'd', hour, 'h');
}

function twoUnits(size: number, large: number, largeName: string, small: number, smallName: string): string {
  const smalls = Math.round(size / small);
  const perLarge = large / small;
  const rest = smalls % perLarge;
  return `${Math.floor(smalls / perLarge)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

/** `4 min ago`, `in 3 h 20 min`: what has passed in one unit, what is awaited in two. */
export function formatRelative(at: number, now: number): string {
  const distance = at - now;
  if (Math.abs(distance) < 10 * second) return 'now';
  return distance < 0 ? `${oneUnit(-distance)} ago` : `in ${formatDuration(distance)}`;
}

function oneUnit(size: number): string {
  if (size < hour) return formatDuration(size);
  return size < day ? `${Math.floor(size / hour)} h` : `${Math.floor(size / day)} d`;
}

const exactTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
export const formatExact = (at: number): string => exactTime.format(at);

const clock = new Intl.DateTimeFormat('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' });
export const formatClock = (at: number): string => clock.format(at);

const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
/** A day as the server counts them: in UTC. */
export function formatDay(text: string): string {
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) ? text : shortDay.format(at);
}

export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
export const daysBefore = (at: number, days: number): string => dayOf(at - days * day);
