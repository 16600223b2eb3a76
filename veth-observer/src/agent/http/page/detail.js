// One pair: both ledgers, where frames died, how long they took, and the last minutes.

import { draw, histogram } from './bins.js';
import { Chart, DELAY, FRAMES, MISSING } from './charts.js';
import { byId, fill, make, mark, retitle, say, table } from './dom.js';
import { LastDrops } from './drops.js';
import { arrow, droppedFrames, isWhole, label, missing, netns, owner, state } from './facts.js';
import { duration, share } from './units.js';

const LEDGER = [
  ['Sent', (way) => way.sent?.frames],
  ['Received', (way) => way.received?.frames],
  ['Dropped', droppedFrames],
  ['In flight', (way) => way.in_flight],
  ['Lost', (way) => way.lost],
  ['Loss', (way) => (isWhole(way) ? share(missing(way), way.sent.frames) : null)],
  ['Unexplained', (way) => way.unexplained],
  ['Unmatched', (way) => way.unmatched],
  ['Reordered', (way) => way.reordered],
  ['Duplicated', (way) => way.duplicated],
  ['Bytes sent', (way) => way.sent?.bytes],
  ['Bytes received', (way) => way.received?.bytes],
  ['skbs sent', (way) => way.sent?.skbs],
  ['skbs received', (way) => way.received?.skbs],
  ['Recognised by', (way) => way.matching],
  ['Collection loss', (way) => way.collection_loss],
];

const TIMES = [
  ['Count', (times) => times?.count],
  ['Min', (times) => duration(times?.min_ns)],
  ['Mean', (times) => duration(times?.mean_ns)],
  ['p50', (times) => duration(times?.p50_ns)],
  ['p90', (times) => duration(times?.p90_ns)],
  ['p99', (times) => duration(times?.p99_ns)],
  ['p99.9', (times) => duration(times?.p999_ns)],
  ['Max', (times) => duration(times?.max_ns)],
];

const ENDS = [
  ['Interface', label],
  ['Index', (end) => end.ifindex],
  ['Namespace', netns],
  ['Container', owner],
  ['Runtime', (end) => end.owner?.runtime],
  ['MAC', (end) => end.mac],
  ['MTU', (end) => end.mtu],
  ['State', (end) => end.operstate],
];

const rowsOf = (facts, things) => facts.map(([name, of]) => [name, ...things.map((thing) => String(of(thing) ?? '–'))]);

export class Detail {
  constructor(back) {
    this.element = byId('detail');
    this.back = make('button', { type: 'button', class: 'back' }, '← All pairs');
    this.back.addEventListener('click', back);
    this.heading = make('h2', { id: 'detail-heading', tabindex: '-1' });
    this.fate = make('p', { class: 'fate' });
    this.limits = make('ul', { class: 'note' });
    this.ledger = table('In frames, since the beginning', ['Count', '', '']);
    this.drops = table('Where frames were dropped', ['Direction', 'Frames', 'Stage', 'Reason', 'Location']);
    this.drops.className = 'drops';
    this.noDrops = make('p', { class: 'note' }, '✓ No frame was seen to be dropped.');
    this.lastDrops = new LastDrops();
    this.delay = table('One-way delay', ['Statistic', '', '']);
    this.variation = table('Variation of delay', ['Statistic', '', '']);
    this.ends = table('Ends', ['End', 'First', 'Second']);
    this.histograms = [histogram(), histogram()];
    this.charts = [FRAMES, MISSING, DELAY].map((quantity) => new Chart(quantity));
    const part = (title, kind, ...children) =>
      make('section', {}, make('h3', {}, title), make('div', { class: kind }, ...children));
    this.element.append(
      make('div', { class: 'bar' }, this.back, this.heading, this.fate),
      this.limits,
      part('Ledger', 'beside', this.ledger, make('div', {}, this.drops, this.noDrops)),
      part('Last drops', 'last', this.lastDrops.element),
      part('Delay', 'beside', this.delay, this.variation),
      part('Histogram of delay', 'beside', ...this.histograms),
      part('History', 'charts', ...this.charts.map((chart) => chart.element)),
      part('Ends', 'beside', this.ends),
    );
    addEventListener('resize', () => this.pair && this.drawCharts());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.charts.forEach((chart) => chart.redraw()));
  }

  show(pair) {
    const isNew = this.element.hidden;
    this.element.hidden = false;
    this.update(pair);
    this.ask();
    this.lastDrops.show(pair);
    if (isNew) {
      scrollTo(0, 0);
      this.heading.focus({ preventScroll: true });
    }
  }

  hide() {
    this.element.hidden = true;
    this.pair = null;
    this.lastDrops.hide();
  }

  update(pair) {
    this.pair = pair;
    const { report } = pair;
    const ways = report.directions;
    const names = ways.map(arrow);
    const { name, text } = state(report, pair.isLosing);
    say(this.heading, report.pair);
    say(this.fate, `${text}, observed for ${duration(report.elapsed_ns)}`);
    mark(this.fate, 'state', name);
    this.remark(report);
    retitle(this.ledger, 'In frames, since the beginning', ['Count', ...names]);
    fill(this.ledger, rowsOf(LEDGER, ways));
    const drops = ways.flatMap((way) =>
      (way.dropped ?? []).map((place) => [arrow(way), String(place.frames), place.stage, place.reason ?? '–', place.location]));
    fill(this.drops, drops);
    this.drops.hidden = drops.length === 0;
    this.noDrops.hidden = drops.length > 0 || !ways.every(isWhole);
    for (const [made, title, of] of [[this.delay, 'One-way delay', 'delay'], [this.variation, 'Variation of delay', 'variation']]) {
      retitle(made, title, ['Statistic', ...names]);
      fill(made, rowsOf(TIMES, ways.map((way) => way[of])));
    }
    fill(this.ends, rowsOf(ENDS, report.ends));
    this.drawCharts();
  }

  drawCharts() {
    const { times, courses, report } = this.pair;
    this.charts.forEach((chart) => chart.draw(times, courses, report.directions.map(arrow)));
  }

  /** What there is to be said beside the numbers. */
  remark({ ended, limits, directions, hook }) {
    const driver = directions.flatMap((way) =>
      Object.entries(way.driver ?? {})
        .filter(([, count]) => count > 0)
        .map(([name, count]) => `The driver of ${way.to} counted ${count} ${name} (ethtool -S; in no number below).`));
    const hooks = hook === 'tc' ? [] : [`Arrivals are timed at ${hook}.`];
    const all = [...(ended === null ? [] : [`Ended: ${ended}.`]), ...hooks, ...limits, ...driver];
    while (this.limits.children.length > all.length) this.limits.lastChild.remove();
    while (this.limits.children.length < all.length) this.limits.append(make('li'));
    all.forEach((sentence, at) => say(this.limits.children[at], sentence));
    this.limits.hidden = all.length === 0;
  }

  /** The buckets, which reports leave out. */
  async ask() {
    const { pair } = this;
    if (!pair || this.isAsking) return;
    this.isAsking = true;
    try {
      const answer = await fetch(`/api/v1/histograms/${pair.report.id}`);
      const { directions } = answer.ok ? await answer.json() : { directions: [] };
      if (this.pair?.report.id === pair.report.id) directions.forEach((way, at) => draw(this.histograms[at], way, way.delay));
    } catch {
      // That the agent is gone is said by whoever follows the stream.
    } finally {
      this.isAsking = false;
    }
  }
}
