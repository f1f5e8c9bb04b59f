export interface DayMoney {
  day: string;
  cost_usd: number;
  savings_usd: number;
}

const dayMs = 86_400_000;
/** More bars than this no screen can show apart. */
const mostDays = 400;

/** Every day from first to last, oldest first: days without spending are missing in the answers, and are zero here. */
export function everyDay(rows: readonly DayMoney[], first: string, last: string): DayMoney[] {
  const byDay = new Map(rows.map((row) => [row.day, row]));
  const end = Date.parse(`${last}T00:00:00Z`);
  const days: DayMoney[] = [];
  for (let at = Date.parse(`${first}T00:00:00Z`); at <= end && days.length < mostDays; at += dayMs) {
    const day = new Date(at).toISOString().slice(0, 10);
    const row = byDay.get(day);
    days.push({ day, cost_usd: row?.cost_usd ?? 0, savings_usd: row?.savings_usd ?? 0 });
  }
  return days;
}
