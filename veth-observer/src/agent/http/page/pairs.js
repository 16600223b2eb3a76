// The list of all pairs: a heading and two rows each.

import { spark, sparkline } from './charts.js';
import { byId, make, mark, say } from './dom.js';
import { arrow, isWhole, label, missing, place, state, words } from './facts.js';
import { amount, duration, share } from './units.js';

/** Of the worse direction where there are two. */
const worst = (of) => (pair) => Math.max(...pair.report.directions.map((direction, way) => of(direction, pair.courses[way])));

const COLUMNS = [
  { name: 'pair', title: 'Pair', of: (pair) => pair.report.pair },
  { name: 'frames', title: 'Frames/s', of: worst((_, course) => course.latest('frames') ?? -1) },
  { name: 'bits', title: 'bit/s', of: worst((_, course) => course.latest('bits') ?? -1) },
  { name: 'loss', title: 'Loss', of: worst((direction) => (isWhole(direction) ? missing(direction) / Math.max(1, direction.sent.frames) : -1)) },
  { name: 'p50', title: 'p50 delay', of: worst((direction) => direction.delay?.p50_ns ?? -1) },
  { name: 'p99', title: 'p99 delay', of: worst((direction) => direction.delay?.p99_ns ?? -1) },
];

/** Widths at which columns go, and how many: style.css hides them. */
const NARROW = [['(max-width: 60rem)', 2], ['(max-width: 40rem)', 1]].map(([query, gone]) => ({ media: matchMedia(query), gone }));

const shown = () => COLUMNS.length + 1 - NARROW.reduce((sum, { media, gone }) => sum + (media.matches ? gone : 0), 0);

const CELLS = ['frames', 'bits', 'loss', 'p50', 'p99'];

export class List {
  groups = new Map();
  order = { column: COLUMNS[0], isDown: false };

  /** `open` is called with the pair that somebody chose. */
  constructor(open) {
    this.open = open;
    this.table = byId('pairs');
    const heads = COLUMNS.map((column) => {
      const button = make('button', { type: 'button' }, column.title, make('span', { class: 'order', 'aria-hidden': 'true' }));
      button.addEventListener('click', () => this.sortBy(column));
      return make('th', { scope: 'col', class: column.name }, button);
    });
    this.table.tHead.append(make('tr', {}, ...heads, make('th', { scope: 'col', class: 'course' }, 'Last minute')));
    byId('search').addEventListener('input', () => this.search());
    byId('search').addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') this.step(event, null, 1);
    });
    this.table.addEventListener('keydown', (event) => {
      const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (way && event.target.matches('tbody button')) this.step(event, event.target.closest('tbody'), way);
    });
    // Only what is in sight is drawn.
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        target.isSeen = isIntersecting;
        if (isIntersecting) this.draw(target);
      }
    });
    // A heading that spans columns that are hidden would bring them back.
    for (const { media } of NARROW) media.addEventListener('change', () => this.span());
    this.showOrder();
  }

  span() {
    for (const group of this.groups.values()) group.rows[0].cells[0].colSpan = shown();
  }

  /** `isOther`: other pairs are there than before. Only then rows move by themselves. */
  update(courses, isOther) {
    for (const [id, group] of this.groups) {
      if (courses.pairs.has(id)) continue;
      this.sight.unobserve(group);
      group.remove();
      this.groups.delete(id);
    }
    for (const [id, pair] of courses.pairs) {
      if (!this.groups.has(id)) this.groups.set(id, this.group());
      const group = this.groups.get(id);
      group.pair = pair;
      this.write(group);
      if (group.isSeen) this.draw(group);
    }
    if (isOther) {
      this.sort();
      this.search();
    }
  }

  group() {
    const name = make('button', { type: 'button', class: 'name' });
    const heading = make('th', { scope: 'rowgroup', colspan: shown() }, name, make('span', { class: 'places' }), make('span', { class: 'fate' }));
    const rows = [0, 1].map(() => {
      const cells = CELLS.map((cell) => make('td', { class: cell }));
      return make('tr', {}, make('th', { scope: 'row', class: 'pair' }), ...cells, make('td', { class: 'course' }, sparkline()));
    });
    const group = make('tbody', {}, make('tr', { class: 'heading' }, heading), ...rows);
    group.addEventListener('click', (event) => {
      // Who selects text with the mouse does not mean to open; a key has no `detail`.
      if (event.detail === 0 || !String(getSelection())) this.open(group.pair);
    });
    this.sight.observe(group);
    return group;
  }

  write(group) {
    const { report, courses, isLosing } = group.pair;
    const [heading, ...rows] = group.rows;
    const [name, places, fate] = heading.cells[0].children;
    const { name: kind, text } = state(report, isLosing);
    say(name, report.pair);
    say(places, report.ends.map((end) => `${label(end)} (${place(end)})`).join(' ↔ '));
    say(fate, text);
    mark(group, 'state', kind);
    rows.forEach((row, way) => {
      const [direction, course] = [report.directions[way], courses[way]];
      const texts = [
        amount(report.ended === null ? course.latest('frames') : null),
        amount(report.ended === null ? course.latest('bits') : null),
        isWhole(direction) ? share(missing(direction), direction.sent.frames) : '–',
        duration(direction.delay?.p50_ns),
        duration(direction.delay?.p99_ns),
      ];
      say(row.cells[0], arrow(direction));
      texts.forEach((text, at) => say(row.cells[at + 1], text));
      mark(row.cells[3], 'lost', missing(direction) > 0 ? 'yes' : 'no');
    });
  }

  draw(group) {
    group.pair?.courses.forEach((course, way) => spark(group.rows[way + 1].cells[6].firstChild, course.frames));
  }

  sortBy(column) {
    const isSame = this.order.column === column;
    // Numbers begin with the largest: that is what one looks for.
    this.order = { column, isDown: isSame ? !this.order.isDown : column.name !== 'pair' };
    this.showOrder();
    this.sort();
  }

  showOrder() {
    const { column, isDown } = this.order;
    [...this.table.tHead.rows[0].cells].slice(0, COLUMNS.length).forEach((head, at) => {
      const isIt = COLUMNS[at] === column;
      if (isIt) head.setAttribute('aria-sort', isDown ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
      say(head.querySelector('.order'), isIt ? (isDown ? '▼' : '▲') : '');
    });
  }

  sort() {
    const { column, isDown } = this.order;
    const compare = (a, b) => (typeof a === 'string' ? a.localeCompare(b, 'en', { numeric: true }) : a - b);
    const keyed = [...this.groups.values()].map((group) => [column.of(group.pair), group]);
    keyed.sort(([a, one], [b, other]) => (isDown ? compare(b, a) : compare(a, b)) || compare(one.pair.report.pair, other.pair.report.pair));
    const focused = document.activeElement;
    this.table.append(...keyed.map(([, group]) => group));
    // What is moved loses the focus.
    if (focused !== document.activeElement && this.table.contains(focused)) focused.focus({ preventScroll: true });
  }

  search() {
    const asked = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const group of this.groups.values()) {
      const text = words(group.pair.report);
      group.hidden = !asked.every((word) => text.includes(word));
      found += group.hidden ? 0 : 1;
    }
    const all = this.groups.size;
    say(byId('count'), asked.length ? `${found} of ${all}` : String(all));
    this.nothingFound = asked.length > 0 && found === 0 && all > 0;
  }

  step(event, from, way) {
    const groups = [...this.table.tBodies].filter((group) => !group.hidden);
    const to = groups[from ? groups.indexOf(from) + way : 0];
    if (!to) return;
    event.preventDefault();
    to.querySelector('button').focus();
  }

  focus(id) {
    (this.groups.get(id)?.querySelector('button') ?? byId('search')).focus();
  }
}
