// The last frames of one pair that were seen to be dropped, and how many there were.

import { fill, make, say, table } from './dom.js';
import { arrow, droppedFrames, isWhole } from './facts.js';
import { clock, duration } from './units.js';

const COLUMNS = ['Time', 'Direction', 'Frame', 'Bytes', 'Frames', 'Under way', 'Stage', 'Reason', 'Location'];

const cells = (way, frame) => [
  clock(new Date(frame.time)) + frame.time.slice(19, 26),
  arrow(way),
  frame.text || 'its bytes are not known',
  String(frame.len),
  String(frame.frames),
  duration(frame.after_ns),
  frame.stage,
  frame.reason ?? '–',
  frame.location,
];

export class LastDrops {
  constructor() {
    this.count = make('p', { class: 'note' });
    this.frames = table('Where and when each died, the last first', COLUMNS);
    this.frames.className = 'last-drops';
    this.element = make('div', {}, this.count, this.frames);
  }

  hide() {
    this.pair = null;
  }

  /** Asks for them where there are any; called again with each report. */
  async show(pair) {
    const { report } = pair;
    const isNew = this.pair?.report.id !== report.id;
    this.pair = pair;
    const isNone = !report.directions.some(droppedFrames);
    const none = report.directions.some(isWhole)
      ? `None since the observation began, ${duration(report.elapsed_ns)} ago.`
      : 'One end alone does not tell.';
    if (isNew || isNone) this.fill([], isNone ? none : '');
    if (isNone || this.isAsking) return;
    this.isAsking = true;
    try {
      const answer = await fetch(`/api/v1/drops/${report.id}`);
      const { directions } = answer.ok ? await answer.json() : { directions: [] };
      if (this.pair?.report.id === report.id) this.tell(directions);
    } catch {
      // That the agent is gone is said by whoever follows the stream.
    } finally {
      this.isAsking = false;
    }
  }

  tell(directions) {
    const frames = directions.flatMap((way) => way.frames.map((frame) => [frame.ts_ns, cells(way, frame)]));
    const counts = directions
      .filter((way) => way.dropped > 0)
      .map((way) => `${arrow(way)}: ${way.shown} of ${way.dropped} dropped frames shown.`);
    this.fill(frames.sort(([a], [b]) => b - a).map(([, texts]) => texts), counts.join(' ') || 'This agent tells of no single frames.');
  }

  fill(rows, count) {
    fill(this.frames, rows);
    this.frames.hidden = rows.length === 0;
    say(this.count, count);
  }
}
