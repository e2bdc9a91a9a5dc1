// The runs behind a row or a mark, and their records.

const dialog = document.getElementById("runs");
let allRuns = null; // decoded when first asked for
let allRecords = null;

/** Whether a run is one of those that a row rests on: a run of all rows stands beside every size. */
function isOf(row, run) {
  return data.runKeys.every(
    (name) =>
      !(name in row) || run[name] === row[name] || run[name] === MISSING || row[name] === data.allDatasets,
  );
}

/** Show the runs that a row of the comparison, or a mark of a chart, rests on. */
function openRuns(row) {
  allRuns ??= rowsOf(data.runs);
  const runs = allRuns.filter((run) => isOf(row, run));
  document.getElementById("runs-heading").textContent = placeOf(row);
  document.getElementById("runs-numbers").textContent = row.told
    ? numbersOf(row)
    : `${runs.length} ${runs.length === 1 ? "run" : "runs"}`;
  const columns = Object.entries(data.runColumns);
  const line = (kind, properties, cells) => element("tr", {}, ...cells.map((cell) => element(kind, properties, cell)));
  const [head, body] = dialog.querySelectorAll("thead, tbody");
  head.replaceChildren(line("th", { scope: "col" }, ["record", ...columns.map(([, title]) => title)]));
  body.replaceChildren(
    ...runs.map((run) => line("td", {}, [recordButton(run), ...columns.map(([name]) => shown(run[name]))])),
  );
  document.getElementById("record").replaceChildren();
  dialog.showModal();
}

function recordButton(run) {
  const button = element("button", { type: "button", "aria-label": `Record of ${run.run_id}` }, "show");
  button.addEventListener("click", () => showRecord(run.run_id));
  return button;
}

/** Say where a run's record lies, and show it if it came along. */
async function showRecord(runId) {
  const heading = element("h3", { tabIndex: -1 }, runId);
  const parts = [
    heading,
    element("p", {}, `In the results folder: records/${runId}.json, or where records are packed:`),
    element("pre", { tabIndex: 0 }, `xzgrep -F '"run_id":"${runId}"' records.jsonl* | python -m json.tool`),
  ];
  if (data.records) {
    const text = JSON.stringify((await readRecords()).get(runId), null, 1);
    parts.push(element("pre", { id: "record-text", tabIndex: 0 }, text));
  }
  document.getElementById("record").replaceChildren(...parts);
  heading.focus();
}

/** The records by run id; they come compressed, and are read when one is asked for. */
async function readRecords() {
  if (!allRecords) {
    const bytes = Uint8Array.from(atob(data.records), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const lines = (await new Response(stream).text()).split("\n");
    allRecords = new Map(lines.map((line) => JSON.parse(line)).map((record) => [record.run_id, record]));
  }
  return allRecords;
}

/** What a row stands for, in words. */
function placeOf(row) {
  const parts = data.keys.map(({ name, heading }) => {
    if (!row[name] || row[name] === MISSING) return "";
    return name === "dataset" ? row[name] : `${heading} ${row[name]}`;
  });
  return [row.arm, ...parts].filter(Boolean).join(", ");
}

/** The numbers of a mark, as the table has them. */
function numbersOf(row) {
  const { against, axis, label, unit } = chosen.chart;
  const across = against === "size" || row.across === null ? "" : `${axis} ${row.across}; `;
  return `${across}${label} ${row.told}, ${row.count} ${unit}`;
}

function shown(value) {
  if (value === null) return MISSING;
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}
