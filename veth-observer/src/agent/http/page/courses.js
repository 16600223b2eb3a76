// What happens from one report to the next. Reports hold totals; here they become rates.

import { carried, isWhole, missing } from './facts.js';

/** Reports that are remembered: five minutes. */
export const KEPT = 300;

/** A loss is recent for as many reports. */
const RECENT = 10;

/** One direction through time. */
class Course {
  frames = [];
  bits = [];
  missing = [];
  delay = [];
  recent = 0;

  /** Per second over `ns` nanoseconds; mean delay of what arrived in them. */
  add(before, now, ns) {
    const perSecond = (count) => (count * 1e9) / ns;
    const arrived = isWhole(now) ? now.delay.count - before.delay.count : 0;
    const spent = (now.delay?.sum_ns ?? 0) - (before.delay?.sum_ns ?? 0);
    this.push(
      perSecond(carried(now).frames - carried(before).frames),
      perSecond(8 * (carried(now).bytes - carried(before).bytes)),
      // Late arrivals take themselves off the lost.
      isWhole(now) ? perSecond(Math.max(0, missing(now) - missing(before))) : null,
      arrived > 0 ? spent / arrived : null,
    );
    this.recent = missing(now) > missing(before) ? RECENT : Math.max(0, this.recent - 1);
  }

  push(...values) {
    [this.frames, this.bits, this.missing, this.delay].forEach((series, at) => {
      series.push(values[at]);
      if (series.length > KEPT) series.shift();
    });
  }

  latest(series) {
    return this[series].at(-1) ?? null;
  }
}

/** One observation of a pair. */
class Pair {
  times = [];
  courses = [new Course(), new Course()];

  update(report, at) {
    const before = this.report;
    this.report = report;
    const ns = before ? report.elapsed_ns - before.elapsed_ns : 0;
    // The same moment twice tells nothing new.
    if (ns <= 0 || report.ended !== null) return;
    this.times.push(at);
    if (this.times.length > KEPT) this.times.shift();
    this.courses.forEach((course, way) => course.add(before.directions[way], report.directions[way], ns));
  }

  /** A hole in the course: what happened while the agent was away is not known. */
  interrupt(at) {
    if (!this.times.length) return;
    this.times.push(at);
    if (this.times.length > KEPT) this.times.shift();
    for (const course of this.courses) course.push(null, null, null, null);
  }

  get isLosing() {
    return this.report.ended === null && this.courses.some((course) => course.recent > 0);
  }
}

/** Whether both can be of one observation: no total falls. */
const follows = (before, now) =>
  now.elapsed_ns >= before.elapsed_ns &&
  now.directions.every((direction, way) => carried(direction).frames >= carried(before.directions[way]).frames);

/** All pairs by the id of their observation. */
export class Courses {
  pairs = new Map();

  /** Takes a report in, and says whether other pairs are there than before. `wasAway`: it is the first after a time without. */
  update(report, at, wasAway) {
    const there = new Map();
    let isOther = report.pairs.length !== this.pairs.size;
    for (const one of report.pairs) {
      const known = this.pairs.get(one.id);
      const isSame = known && known.report.pair === one.pair;
      isOther ||= !isSame;
      // Totals begin anew with the agent, and so do ids.
      const goesOn = isSame && !wasAway && follows(known.report, one);
      const pair = goesOn ? known : new Pair();
      if (isSame && !goesOn) {
        pair.times = known.times;
        pair.courses = known.courses;
        pair.interrupt(at);
      }
      pair.update(one, at);
      there.set(one.id, pair);
    }
    this.pairs = there;
    return isOther;
  }

  /** The pair that a link means: by id while the name fits, else the one of that name, rather one that is alive. */
  find(id, name) {
    const byId = this.pairs.get(id);
    if (byId && byId.report.pair === name) return byId;
    const named = [...this.pairs.values()].filter((pair) => pair.report.pair === name);
    return named.find((pair) => pair.report.ended === null) ?? named[0];
  }
}
