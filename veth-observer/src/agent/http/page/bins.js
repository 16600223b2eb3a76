// Histograms as tables whose rows are the bars.

import { make, retitle, say, table } from './dom.js';
import { arrow } from './facts.js';
import { duration, share } from './units.js';

const ROWS = 20;
const PER_DOUBLING = 8;

/** The place of a bin on the grid: 8 for each doubling, the first ends at 2^-24 s, the last has no end. */
const place = (bin) =>
  bin.upto_ns === null ? 24 * PER_DOUBLING + 1 : Math.round(PER_DOUBLING * (Math.log2(bin.upto_ns / 1e9) + 24));

/** As fine as the rows allow. */
export function merge(bins) {
  for (let merged = 1; ; merged *= 2) {
    const groups = [];
    let last = null;
    for (const bin of bins) {
      const group = Math.ceil(place(bin) / merged);
      if (group === last) {
        const open = groups.at(-1);
        open.upto_ns = bin.upto_ns;
        open.count += bin.count;
      } else {
        groups.push({ ...bin });
        last = group;
      }
    }
    if (groups.length <= ROWS) return groups;
  }
}

export function histogram() {
  const made = table('', ['Delay', 'Frames', 'Share', 'Bar']);
  made.className = 'histogram';
  return made;
}

export function draw(made, direction, bins) {
  retitle(made, `Delays, ${arrow(direction)}`, ['Delay', 'Frames', 'Share', 'Bar']);
  const rows = merge(bins);
  const all = bins.reduce((sum, bin) => sum + bin.count, 0);
  const most = Math.max(1, ...rows.map((bin) => bin.count));
  const body = made.tBodies[0];
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  while (body.rows.length < rows.length) {
    const bar = make('td', {}, make('div', { class: 'share' }));
    body.append(make('tr', {}, make('th', { scope: 'row' }), make('td'), make('td'), bar));
  }
  rows.forEach((bin, at) => {
    const [range, count, part, bar] = body.rows[at].cells;
    const end = bin.upto_ns === null ? 'longer' : duration(bin.upto_ns);
    say(range, `${duration(bin.above_ns)} – ${end}`);
    say(count, String(bin.count));
    say(part, share(bin.count, all));
    // Never nothing for a count that is not 0.
    bar.firstChild.style.width = bin.count ? `max(2px, ${(100 * bin.count) / most}%)` : '0';
  });
}
