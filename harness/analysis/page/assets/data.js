// What Python has put into the page, and what the reader has chosen of it.

const data = JSON.parse(document.getElementById("data").textContent);
const MISSING = "–";

/** Rows of a table that came as columns, texts as numbers of words. */
function rowsOf(columns) {
  const entries = Object.entries(columns).map(([name, values]) => [
    name,
    Array.isArray(values) ? values : values.codes.map((code) => values.words[code]),
  ]);
  const count = entries.length ? entries[0][1].length : 0;
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries([["index", index], ...entries.map(([name, values]) => [name, values[index]])]),
  );
}

const charts = data.charts.map((chart) => ({ ...chart, rows: rowsOf(chart.rows) }));
const arms = data.arms.map((arm) => arm.name);
const chosen = {
  chart: charts[0],
  keys: Object.fromEntries(data.keys.map((key) => [key.name, ""])), // "": every one
  hidden: new Set(data.arms.filter((arm) => arm.isControl).map((arm) => arm.name)), // arms
};

/** Whether the choices let a row be seen; what it does not have is not chosen by. */
function isChosen(row) {
  if (chosen.hidden.has(row.arm)) return false;
  return data.keys.every(({ name }) => {
    const wanted = chosen.keys[name];
    return !wanted || !(name in row) || row[name] === wanted;
  });
}

/** An element with text, never markup, in it. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (property in made) made[property] = value;
    else made.setAttribute(property, value);
  }
  made.append(...children);
  return made;
}
