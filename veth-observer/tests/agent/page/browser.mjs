// The page in Chromium. Its agent is in the hands of ../page.rs: a line on standard output asks for something, and the line
// that comes back says what it came to.
//
// Arguments: the folder of npm's packages, the folder of the page's files, where screenshots go, the address of the agent and
// of one with 500 pairs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [packages, files, shots, url, crowded] = process.argv.slice(2);
const { chromium } = createRequire(`${packages}/`)('playwright-core');
const axe = readFileSync(`${packages}/node_modules/axe-core/axe.min.js`, 'utf8');

setTimeout(() => {
  console.error('it takes too long');
  process.exit(1);
}, 150_000).unref();

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function ask(what) {
  console.log(what);
  return (await answers.next()).value;
}

for (const [name, ours] of [['dist/uPlot.iife.min.js', 'uPlot.iife.min.js'], ['dist/uPlot.min.css', 'uPlot.min.css'], ['LICENSE', 'uPlot.LICENSE']]) {
  const theirs = readFileSync(`${packages}/node_modules/uplot/${name}`);
  assert.ok(theirs.equals(readFileSync(`${files}/${ours}`)), `${ours} is not what npm has`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root has no sandbox. Names but loopback's are not looked up.
  args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});

const complaints = [];
async function visit(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.stack));
  page.on('request', (request) => new URL(request.url()).origin === address || complaints.push(request.url()));
  await page.addInitScript(() => {
    globalThis.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(address);
  return page;
}

async function isAccessible(page, what) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => axe.run());
  assert.ok(passes.length > 10);
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]), [], what);
  await page.screenshot({ path: `${shots}/${what}.png`, fullPage: true });
}

/** The cells of a table's body as text. */
const cells = (page, selector) =>
  page.$$eval(`${selector} tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

const groups = (page) => page.$$eval('#pairs tbody:not([hidden])', (groups) => groups.map((group) => group.querySelector('button').textContent));

const group = (page, name) => page.locator('#pairs tbody', { has: page.getByRole('button', { name, exact: true }) });

const names = ['db', '<img src=x onerror=alert(1)>', 'lone', 'old', 'web'];
const page = await visit(url);
const state = page.locator('#state');
const hasRate = () => page.waitForFunction(() => [...document.querySelectorAll('#pairs .frames')].some((cell) => cell.textContent === '1.00 k'));

// Live: rates between totals are exact.
await page.waitForSelector('#state[data-state=live]');
await hasRate();
assert.equal(await group(page, 'web').locator('td.bits').first().textContent(), '800 k');
assert.match(await group(page, 'web').locator('.fate').textContent(), /▲ losing frames/);
assert.match(await group(page, 'db').locator('.fate').textContent(), /✓ no loss/);
assert.match(await group(page, 'lone').locator('.fate').textContent(), /◐ seen at one end/);
assert.match(await group(page, 'old').locator('.fate').textContent(), /× ended/);
assert.match(await group(page, names[1]).locator('.places').textContent(), /eth0 \(shop\/<b>basket<\/b>\)/);
assert.equal(await page.locator('img, main b').count(), 0, 'a name became markup');
assert.match(await page.locator('#told').textContent(), /^5 pairs/);

// Numbers: those of the report, written as the commands write them.
const written = JSON.parse(await ask('hold'));
const report = await (await fetch(`${url}/api/v1/report`)).json();
const web = report.pairs.find((pair) => pair.pair === 'web');
await page.waitForFunction((id) => {
  const group = [...document.querySelectorAll('#pairs tbody')].find((group) => group.pair?.report.id === id.id);
  return group?.pair.report.elapsed_ns === id.elapsed;
}, { id: web.id, elapsed: web.elapsed_ns });
for (const pair of report.pairs) {
  const rows = await group(page, pair.pair).locator('tr:not(.heading)').all();
  for (const [way, row] of rows.entries()) {
    const texts = await row.locator('td.loss, td.p50, td.p99').allTextContents();
    const { loss, p50, p99 } = written.pairs[pair.pair][way];
    assert.deepEqual(texts, [loss, p50, p99], `${pair.pair} ${way}`);
  }
}
const units = await page.evaluate(async ({ durations, shares }) => {
  const { duration, share } = await import('/page/units.js');
  return { durations: durations.map(([ns]) => duration(ns)), shares: shares.map(([part, whole]) => share(part, whole)) };
}, written);
assert.deepEqual(units.durations, written.durations.map(([, text]) => text));
assert.deepEqual(units.shares, written.shares.map(([, , text]) => text));
await isAccessible(page, 'list-light');

// Order and search.
assert.deepEqual(await groups(page), [names[1], 'db', 'lone', 'old', 'web']);
const loss = page.getByRole('columnheader', { name: 'Loss' });
await loss.getByRole('button').click();
assert.equal(await loss.getAttribute('aria-sort'), 'descending');
assert.equal((await groups(page))[0], 'web');
await loss.getByRole('button').click();
assert.equal(await loss.getAttribute('aria-sort'), 'ascending');
assert.equal((await groups(page)).at(-1), 'web');
for (const [text, found] of [['BASKET', [names[1]]], ['host web', ['web']], ['nowhere', []]]) {
  await page.fill('#search', text);
  assert.deepEqual(await groups(page), found, text);
  assert.equal(await page.locator('#count').textContent(), `${found.length} of 5`);
  assert.equal(await page.locator('#empty').isVisible(), found.length === 0);
}
await page.fill('#search', '');
await page.getByRole('columnheader', { name: 'Pair' }).getByRole('button').click();

// By keys alone: from the search to the last pair, in, and back to where one came from.
const focused = () => page.evaluate(() => document.activeElement.textContent);
await page.focus('#search');
for (const name of await groups(page)) {
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), name);
}
await page.keyboard.press('ArrowUp');
await page.keyboard.press('ArrowDown');
await page.keyboard.press('Enter');
await page.waitForSelector('#detail:not([hidden])');
assert.equal(await focused(), 'web');
assert.equal(await page.title(), 'web – veth-observer');
await page.keyboard.press('Tab');
await page.keyboard.press('Escape');
await page.waitForSelector('#list:not([hidden])');
assert.equal(await focused(), 'web');

// One pair.
await page.keyboard.press('Enter');
await page.waitForSelector('#detail:not([hidden])');
const column = async (caption) => {
  const rows = await cells(page, `#detail table:has(caption:text-is("${caption}"))`);
  return Object.fromEntries(rows.map(([name, ...texts]) => [name, texts]));
};
const ledger = await column('In frames, since the beginning');
const ofBoth = (of) => web.directions.map((way) => String(of(way)));
for (const [name, of] of [
  ['Sent', (way) => way.sent.frames],
  ['Received', (way) => way.received.frames],
  ['Dropped', (way) => way.dropped.reduce((sum, place) => sum + place.frames, 0)],
  ['In flight', (way) => way.in_flight],
  ['Lost', (way) => way.lost],
  ['Unexplained', (way) => way.unexplained],
  ['Unmatched', (way) => way.unmatched],
  ['Reordered', (way) => way.reordered],
  ['Duplicated', (way) => way.duplicated],
  ['Bytes sent', (way) => way.sent.bytes],
  ['skbs received', (way) => way.received.skbs],
]) assert.deepEqual(ledger[name], ofBoth(of), name);
const delay = await column('One-way delay');
assert.deepEqual(delay['p99'], written.pairs.web.map((way) => way.p99));
assert.deepEqual(delay['Max'], written.pairs.web.map((way) => way.max));
const drops = await cells(page, '.drops');
assert.deepEqual(drops[0].slice(1), [String(web.directions[0].dropped[0].frames), 'qdisc', 'QDISC_DROP', '__dev_queue_xmit']);

// Its last drops: as the agent tells them, again with each report.
const told = await (await fetch(`${url}/api/v1/drops/${web.id}`)).json();
const lastDrops = told.directions[0].frames;
assert.equal(lastDrops.length, 3);
await page.waitForSelector('.last-drops tbody tr');
const words = (ns) => page.evaluate(async (ns) => (await import('/page/units.js')).duration(ns), ns);
const rows = await cells(page, '.last-drops');
for (const [at, frame] of lastDrops.entries()) {
  assert.ok(rows[at][0].endsWith(frame.time.slice(19, 26)), rows[at][0]);
  assert.deepEqual(rows[at].slice(1), [
    `${web.directions[0].from} → ${web.directions[0].to}`, frame.text || 'its bytes are not known', String(frame.len),
    String(frame.frames), await words(frame.after_ns), frame.stage, frame.reason ?? '–', frame.location,
  ]);
}
const count = page.locator('p.note', { hasText: 'dropped frames shown' });
assert.ok((await count.textContent()).endsWith(`: 5 of ${told.directions[0].dropped} dropped frames shown.`));
await page.waitForFunction((id) => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith(`/drops/${id}`)).length >= 3, web.id);
const goTo = (pair) => page.evaluate((address) => { location.hash = address; }, new URLSearchParams(pair).toString());
const db = report.pairs.find((pair) => pair.pair === 'db');
await goTo({ pair: 'db', id: db.id });
await page.waitForFunction(() => document.title.startsWith('db'));
assert.match(await page.locator('p.note', { hasText: 'None since' }).textContent(), /^None since the observation began, .* ago\.$/);
assert.equal(await page.locator('.last-drops').isVisible(), false);
await goTo({ pair: 'web', id: web.id });
await page.waitForFunction(() => document.title.startsWith('web'));
await page.waitForSelector('.last-drops tbody tr');
await page.waitForSelector('.histogram tbody tr');
for (const [way, direction] of web.directions.entries()) {
  const bars = await page.locator('.histogram').nth(way).locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.ok(bars.length > 5 && bars.length <= 20, `${bars.length} bars`);
  assert.equal(bars.reduce((sum, bar) => sum + Number(bar[1]), 0), direction.delay.count);
}
const numbers = page.locator('.chart details').first();
await numbers.locator('summary').click();
assert.equal(await numbers.locator('tbody td').first().textContent(), '1.00 k');
assert.ok(await page.locator('.plot canvas').first().isVisible());
await isAccessible(page, 'detail-light');

// In the dark, and on a phone.
await page.emulateMedia({ colorScheme: 'dark' });
assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(18, 23, 28)');
await isAccessible(page, 'detail-dark');
await page.setViewportSize({ width: 360, height: 780 });
const width = () => page.evaluate(() => document.documentElement.scrollWidth);
assert.equal(await width(), 360);
await isAccessible(page, 'detail-phone');
await page.locator('.back').click();
await page.waitForSelector('#list:not([hidden])');
assert.equal(await width(), 360);
await isAccessible(page, 'list-phone');
await page.setViewportSize({ width: 1280, height: 900 });

// Gone, and back with totals that begin anew.
assert.deepEqual(complaints, []);
await ask('stop');
await page.waitForSelector('#state[data-state=gone]');
assert.match(await state.textContent(), /agent not reachable since \d\d:\d\d:\d\d; these numbers are old/);
assert.match(await page.locator('#alarm').textContent(), /not reachable/);
assert.equal(await page.evaluate(() => document.body.dataset.old), 'yes');
assert.deepEqual(await page.evaluate(() => getComputedStyle(document.querySelector('#pairs')).fontStyle), 'italic');
await isAccessible(page, 'gone');
await ask('start');
await page.waitForSelector('#state[data-state=live]');
assert.equal(await page.evaluate(() => document.body.dataset.old), undefined);
await hasRate();
const courses = await page.$$eval('#pairs tbody', (groups) => groups.flatMap((group) => group.pair.courses.flatMap((course) => course.frames)));
assert.ok(courses.includes(null), 'a hole where the agent was away');
assert.ok(courses.every((rate) => rate === null || [0, 1000].includes(rate)), `${courses}`);
complaints.length = 0;
await page.context().close();

// Many pairs: updates are short, and nothing moves.
const many = await visit(crowded);
await many.waitForFunction(() => document.querySelectorAll('#pairs tbody').length === 500);
await many.waitForFunction(() => performance.getEntriesByName('update').length >= 2);
await many.evaluate(() => {
  performance.clearMeasures();
  globalThis.shift = 0;
});
await many.waitForFunction(() => performance.getEntriesByName('update').length >= 4);
const took = await many.evaluate(() => performance.getEntriesByName('update').map((entry) => entry.duration).sort((a, b) => a - b));
console.log(`# 500 pairs: updates of ${took.map((ms) => ms.toFixed(1)).join(', ')} ms`);
assert.ok(took[1] < 100, `${took}`);
assert.ok((await many.evaluate(() => globalThis.shift)) < 0.001, 'the page moves');
await many.context().close();

// Without scripts it says where the numbers are.
const plain = await visit(url, { javaScriptEnabled: false });
assert.match(await plain.locator('noscript').textContent(), /needs JavaScript/);
assert.ok(await plain.getByRole('link', { name: 'report' }).isVisible());
assert.equal(await plain.getByRole('link', { name: 'metrics' }).getAttribute('href'), '/metrics');
await plain.context().close();

assert.deepEqual(complaints, []);
await browser.close();
console.log('# done');
process.exit(0);
