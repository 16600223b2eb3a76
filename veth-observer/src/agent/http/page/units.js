// Numbers as the commands print them.

const NOTHING = '–';

/** A value that lies in the middle between two is rounded to the even one. */
function fixed(value, decimals) {
  const scaled = value * 10 ** decimals;
  const isTie = Number.isInteger(value * 2 ** (decimals + 1)) && Math.abs(scaled % 1) === 0.5;
  if (!isTie) return value.toFixed(decimals);
  const below = Math.floor(scaled);
  return ((below + (below % 2)) / 10 ** decimals).toFixed(decimals);
}

function threeDigits(value) {
  return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** Nanoseconds: 420 ns, 2.42 µs, 12.4 ms, 1.50 s, and m:ss from two minutes on. */
export function duration(ns) {
  if (ns === null || ns === undefined) return NOTHING;
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 999_500) return `${threeDigits(ns / 1e3)} µs`;
  if (ns < 999_500_000) return `${threeDigits(ns / 1e6)} ms`;
  if (ns < 120e9) return `${threeDigits(ns / 1e9)} s`;
  return `${Math.floor(ns / 60e9)}:${String(Math.floor(ns / 1e9) % 60).padStart(2, '0')} min`;
}

/** A part of a whole in percent; never 0 % for a part that is not 0. */
export function share(part, whole) {
  const percent = whole ? 100 * (part / whole) : 0;
  if (percent <= 0) return '0%';
  return percent < 0.001 ? '<0.001%' : `${fixed(percent, 3)}%`;
}

/** 0, 12.5, 1.20 k, 3.04 M, … */
export function amount(value) {
  if (value === null || value === undefined) return NOTHING;
  if (Number.isInteger(value) && value < 1000) return String(value);
  for (const [unit, name] of [[1, ''], [1e3, ' k'], [1e6, ' M'], [1e9, ' G']]) {
    if (value / unit < 999.5) return threeDigits(value / unit) + name;
  }
  return `${threeDigits(value / 1e12)} T`;
}

export function clock(date) {
  return date.toLocaleTimeString('en-GB');
}
