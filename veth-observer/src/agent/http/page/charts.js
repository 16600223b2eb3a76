// Courses drawn: sparklines in the list, and time series with uPlot.

/* global uPlot */

import { KEPT } from './courses.js';
import { fill, make, retitle, table } from './dom.js';
import { amount, clock, duration } from './units.js';

const WIDTH = 120;
const HEIGHT = 22;
const POINTS = 60;
const SVG = 'http://www.w3.org/2000/svg';

export function sparkline() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(SVG, 'path'));
  return svg;
}

/** The last minute; holes stay holes. */
export function spark(svg, values) {
  const last = values.slice(-POINTS);
  const most = Math.max(...last.filter((value) => value !== null), 1e-9);
  const from = POINTS - last.length;
  let path = '';
  let pen = 'M';
  last.forEach((value, at) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    const x = (((from + at) * WIDTH) / (POINTS - 1)).toFixed(1);
    path += `${pen}${x} ${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
    pen = 'L';
  });
  svg.firstChild.setAttribute('d', path);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const FRAMES = { series: 'frames', title: 'Frames sent', unit: 'frames/s', show: amount };
export const MISSING = { series: 'missing', title: 'Frames dropped or lost', unit: 'frames/s', show: amount };
export const DELAY = { series: 'delay', title: 'Mean delay', unit: 'each second', show: duration };

/** A time series of both directions, and the same as a table. */
export class Chart {
  constructor(quantity) {
    this.quantity = quantity;
    this.figure = make('div', { class: 'plot', role: 'img' });
    this.table = table('', ['Time', '', '']);
    this.numbers = make('details', {}, make('summary', {}, `${quantity.title}: numbers`), this.table);
    this.numbers.addEventListener('toggle', () => this.names && this.list());
    this.element = make('div', { class: 'chart' }, make('h4', {}, `${quantity.title} (${quantity.unit})`), this.figure, this.numbers);
  }

  draw(times, courses, names) {
    const { series, title } = this.quantity;
    const [there, back] = courses.map((course) => course[series]);
    this.data = [times, there, back];
    this.figure.setAttribute('aria-label', `${title} of the last ${Math.round(KEPT / 60)} minutes; the numbers are in the table below`);
    if (this.names?.join() !== names.join()) this.restart(names);
    this.plot.setData([times.map((time) => time / 1000), there, back]);
    this.fit();
    this.list();
  }

  list() {
    if (!this.numbers.open) return;
    const { title, show, unit } = this.quantity;
    const [times, there, back] = this.data;
    retitle(this.table, `${title} (${unit}), the latest first`, ['Time', ...this.names]);
    const from = Math.max(0, times.length - POINTS);
    const rows = times.slice(from).map((time, at) => [clock(new Date(time)), show(there[from + at]), show(back[from + at])]);
    fill(this.table, rows.reverse());
  }

  restart(names) {
    this.names = names;
    this.plot?.destroy();
    const { show } = this.quantity;
    const axis = { stroke: () => colour('--quiet'), grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const line = (at) => ({
      label: `${at ? '- -' : '—'} ${names[at]}`,
      stroke: () => colour(at ? '--back' : '--there'),
      width: 1.5,
      dash: at ? [5, 4] : undefined,
      points: { show: false },
      value: (_, value) => show(value),
    });
    this.plot = new uPlot(
      {
        width: this.width(),
        height: 160,
        scales: {
          // At least a minute, so that the first points do not jump about.
          x: { range: () => this.span() },
          y: { range: (_, least, most) => [0, most > 0 ? most * 1.1 : 10] },
        },
        axes: [{ ...axis, values: (_, times) => times.map((time) => clock(new Date(time * 1000))), space: 80 }, { ...axis, size: 64, values: (_, values) => values.map(show) }],
        series: [{ value: (_, time) => (time ? clock(new Date(time * 1000)) : '–') }, line(0), line(1)],
        cursor: { y: false, drag: { x: false, y: false } },
      },
      [[], [], []],
      this.figure,
    );
  }

  span() {
    const [times] = this.data;
    const last = (times.at(-1) ?? Date.now()) / 1000;
    return [Math.min(times.length ? times[0] / 1000 : last, last - POINTS), last];
  }

  width() {
    return Math.max(200, this.element.clientWidth || 300);
  }

  fit() {
    const width = this.width();
    if (this.plot.width !== width) this.plot.setSize({ width, height: 160 });
  }

  redraw() {
    this.plot?.redraw();
  }
}
