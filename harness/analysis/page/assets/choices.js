// The form that chooses what curves and tables show, and the start of the page.

const form = document.getElementById("choices");
const tables = [...document.querySelectorAll("main > section .table, main > details .table")].map(
  (region) => new SortableTable(region),
);

function refresh() {
  if (charts.length) drawPanels();
  for (const table of tables) table.filter();
}

/** A labelled list to choose from. */
function selection(heading, entries, choose) {
  const list = element("select", {}, ...entries.map(([value, text]) => element("option", { value }, text)));
  list.addEventListener("change", () => {
    choose(list.value);
    refresh();
  });
  return [list, element("label", {}, heading, list)];
}

function addSelections() {
  if (charts.length > 1) {
    const entries = charts.map((chart, turn) => [String(turn), chart.title]);
    form.append(selection("curves", entries, (turn) => (chosen.chart = charts[turn]))[1]);
  }
  for (const { name, heading, values } of data.keys) {
    const entries = [["", "every one"], ...values.map((value) => [value, value])];
    const [list, label] = selection(heading, entries, (value) => (chosen.keys[name] = value));
    list.name = name;
    list.value = chosen.keys[name];
    if (values.length > 1) form.append(label);
  }
}

function addArms() {
  const boxes = data.arms.map(({ name }) => {
    const box = element("input", { type: "checkbox", checked: !chosen.hidden.has(name), value: name });
    box.addEventListener("change", () => {
      chosen.hidden[box.checked ? "delete" : "add"](name);
      refresh();
    });
    return box;
  });
  const all = (isShown) => () => {
    for (const box of boxes) {
      box.checked = isShown;
      chosen.hidden[isShown ? "delete" : "add"](box.value);
    }
    refresh();
  };
  const buttons = [["All arms", true], ["No arm", false]].map(([text, isShown]) => {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", all(isShown));
    return button;
  });
  const labels = boxes.map((box) => element("label", {}, box, swatch(box.value), box.value));
  form.append(
    element("fieldset", {}, element("legend", {}, "arms"), element("div", { className: "arms" }, ...labels, ...buttons)),
  );
}

/** A piece of an arm's line with its mark. */
function swatch(arm) {
  const { colour, dash, marker } = styles.get(arm);
  const svg = d3.create("svg").attr("width", 34).attr("height", 14).attr("aria-hidden", "true");
  svg.append("path").attr("d", "M0,7H34").attr("stroke", colour).attr("stroke-width", 2).attr("stroke-dasharray", dash);
  const shape = d3.symbol(SYMBOLS[marker] ?? d3.symbolCircle, 60)();
  svg.append("path").attr("d", shape).attr("transform", "translate(17,7)").attr("fill", colour).attr("stroke", colour);
  return svg.node();
}

/** Choose the first dataset, then the first learner, and so on, until the panels can be read. */
function narrow() {
  for (const { name, values } of data.keys) {
    if (panels().length <= OPENING_PANELS) return;
    if (name !== chosen.chart.against && values.length > 1) chosen.keys[name] = values[0];
  }
}

if (charts.length) {
  narrow();
  document.getElementById("curves").hidden = false;
}
addSelections();
addArms();
form.hidden = false;
tables[0].linkRuns();
refresh();
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth !== width && charts.length) drawPanels();
  width = window.innerWidth;
});
