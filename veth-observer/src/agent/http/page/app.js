// The page: follows the agent and shows the list of pairs or one of them.

import { Courses } from './courses.js';
import { Detail } from './detail.js';
import { byId, mark, say } from './dom.js';
import { List } from './pairs.js';
import { follow } from './stream.js';
import { clock } from './units.js';

/** How often a screen reader is told, and how often the agent is asked about itself. Milliseconds. */
const TELL = 10_000;

const courses = new Courses();
const list = new List(open);
const detail = new Detail(() => {
  location.hash = '';
});
let agent = null;
let hasReport = false;
let isGone = false;
let told = -Infinity;

/** The pair that the address names. */
function chosen() {
  const asked = new URLSearchParams(location.hash.slice(1));
  return asked.has('pair') ? courses.find(Number(asked.get('id')), asked.get('pair')) : undefined;
}

function open(pair) {
  location.hash = new URLSearchParams({ pair: pair.report.pair, id: pair.report.id });
}

function route() {
  const before = detail.pair?.report.id;
  const pair = chosen();
  byId('list').hidden = Boolean(pair);
  if (pair) {
    detail.show(pair);
    document.title = `${pair.report.pair} – veth-observer`;
  } else {
    detail.hide();
    document.title = 'veth-observer';
    if (before !== undefined) list.focus(before);
  }
}

function showEmpty() {
  const none = courses.pairs.size === 0;
  const why = agent && !agent.ready.ok ? `The agent is not ready: ${agent.ready.reason}.` : 'The agent observes no pair. It shows each as soon as there is one.';
  const text = !hasReport ? '' : none ? why : list.nothingFound ? 'No pair has that in its name, its container or its namespace.' : '';
  say(byId('empty'), text);
  byId('empty').hidden = text === '';
  byId('pairs').hidden = hasReport && none;
}

function showAgent() {
  if (!agent) return;
  const over = agent.pairs_over_limit ? `; ${agent.pairs_over_limit} more are not observed, as there are too many` : '';
  const errors = Object.entries(agent.attach_errors).map(([reason, count]) => `; ${count} could not be attached (${reason})`);
  say(byId('agent'), `${agent.pairs} pairs known${over}${errors.join('')}.`);
}

function tell() {
  const now = performance.now();
  if (now - told < TELL) return;
  told = now;
  const losing = [...courses.pairs.values()].filter((pair) => pair.isLosing).map((pair) => pair.report.pair);
  const names = losing.slice(0, 5).join(', ') + (losing.length > 5 ? ` and ${losing.length - 5} more` : '');
  say(byId('told'), `${courses.pairs.size} pairs; ${losing.length ? `losing frames: ${names}` : 'none loses frames'}`);
}

function report(report, at) {
  performance.mark('report');
  const isOther = courses.update(report, at.getTime(), isGone);
  if (isGone) say(byId('alarm'), 'The agent is back.');
  isGone = false;
  hasReport = true;
  delete document.body.dataset.old;
  mark(byId('state'), 'state', 'live');
  say(byId('state'), `● live, ${clock(at)}`);
  list.update(courses, isOther);
  showEmpty();
  if (detail.pair || chosen()) route();
  tell();
  // Kept by browsers for ever.
  if (performance.getEntriesByName('update').length > 60) performance.clearMeasures('update');
  performance.measure('update', 'report');
  performance.clearMarks('report');
}

function gone(since, isConnected) {
  isGone = true;
  const text = `${isConnected ? 'no report from the agent' : 'agent not reachable'} since ${clock(since)}`;
  mark(byId('state'), 'state', 'gone');
  say(byId('state'), `▲ ${text}${hasReport ? '; these numbers are old' : ''}`);
  say(byId('alarm'), text);
  document.body.dataset.old = 'yes';
}

async function askAgent() {
  try {
    const answer = await fetch('/api/v1/pairs');
    if (answer.ok) agent = (await answer.json()).agent;
    showAgent();
    showEmpty();
  } catch {
    // Whoever follows the stream says that it is gone.
  }
}

addEventListener('hashchange', route);
byId('search').addEventListener('input', showEmpty);
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  if (detail.pair) location.hash = '';
});
follow(report, gone);
askAgent();
setInterval(askAgent, TELL);
