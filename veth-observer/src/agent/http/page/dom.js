// Elements. What comes from the agent only ever becomes text: names of devices and containers are anybody's.

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Touches the page only where something changed. */
export function say(element, text) {
  if (element.said === text) return;
  element.said = text;
  element.textContent = text;
}

export function mark(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

/** A table with a caption and a header; `fill` gives it rows. */
export function table(caption, headers) {
  const head = make('tr', {}, ...headers.map((text) => make('th', { scope: 'col' }, text)));
  return make('table', {}, make('caption', {}, caption), make('thead', {}, head), make('tbody'));
}

/** Rows of texts; the first of each heads it. Cells that are there are used again. */
export function fill(table, rows) {
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  rows.forEach((texts, at) => {
    let row = body.rows[at];
    if (!row || row.cells.length !== texts.length) {
      const cells = texts.map((_, column) => (column ? make('td') : make('th', { scope: 'row' })));
      const made = make('tr', {}, ...cells);
      if (row) row.replaceWith(made);
      else body.append(made);
      row = made;
    }
    texts.forEach((text, column) => say(row.cells[column], text));
  });
}

export function retitle(table, caption, headers) {
  say(table.caption, caption);
  headers.forEach((text, column) => say(table.tHead.rows[0].cells[column], text));
}
