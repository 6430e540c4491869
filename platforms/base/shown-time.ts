const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Sites of mainland China show Beijing time, whatever the machine's zone is. */
const BEIJING = 8 * HOUR;

/** A time as Chinese sites show it (刚刚, 3分钟前, 昨天 12:30, 07-01, 2024-07-01 12:00) in epoch ms; `now` when it can't be read. */
export function shownTime(text: string, now: number): number {
  const ago = /(\d+)\s*(秒|分钟|小时|天)前/.exec(text);
  if (ago) return now - Number(ago[1]) * ({ 秒: 1000, 分钟: MINUTE, 小时: HOUR, 天: DAY }[ago[2] ?? ''] ?? 0);
  const clock = /(\d{1,2}):(\d{2})/.exec(text);
  const ofDay = clock ? Number(clock[1]) * HOUR + Number(clock[2]) * MINUTE : 0;
  const today = Math.floor((now + BEIJING) / DAY) * DAY - BEIJING;
  if (text.includes('昨天')) return today - DAY + ofDay;
  if (text.includes('前天')) return today - 2 * DAY + ofDay;
  const date = /(?:(\d{4})[-/年.])?(\d{1,2})[-/月.](\d{1,2})/.exec(text);
  if (date) {
    const year = Number(date[1] ?? new Date(now + BEIJING).getUTCFullYear());
    const at = Date.UTC(year, Number(date[2]) - 1, Number(date[3])) - BEIJING + ofDay;
    return !date[1] && at > now + DAY ? Date.UTC(year - 1, Number(date[2]) - 1, Number(date[3])) - BEIJING + ofDay : at;
  }
  return clock ? today + ofDay : now;
}
