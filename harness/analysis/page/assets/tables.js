// The tables: rows that are chosen, in the order that is wanted.

class SortableTable {
  constructor(region) {
    this.table = region.querySelector("table");
    this.status = region.previousElementSibling;
    this.headers = [...this.table.tHead.rows[0].cells];
    this.names = this.headers.map((header) => header.dataset.name);
    this.lines = [...this.table.tBodies[0].rows];
    this.rows = new Map(); // what is chosen by, of each line; read when first needed
    this.details = region.closest("details");
    this.details?.addEventListener("toggle", () => this.filter());
    this.headers.forEach((header, place) => {
      const button = element("button", { type: "button" }, header.textContent);
      button.addEventListener("click", () => this.sort(place));
      header.replaceChildren(button);
      header.setAttribute("aria-sort", "none");
    });
  }

  /** What a line is chosen by, the arm too, as the marks of charts have it. */
  row(line) {
    if (!this.rows.has(line)) {
      const keys = new Set([...data.keys.map(({ name }) => name), ...data.runKeys]);
      const names = [...keys].filter((name) => this.names.includes(name));
      const texts = names.map((name) => [name, line.cells[this.names.indexOf(name)].textContent]);
      this.rows.set(line, Object.fromEntries(texts));
    }
    return this.rows.get(line);
  }

  sort(place) {
    const header = this.headers[place];
    const order = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    for (const other of this.headers) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", order);
    const compare = header.classList.contains("text") ? byText : byNumber;
    const keyed = this.lines.map((line) => [line.cells[place].textContent, line]);
    keyed.sort(([a], [b]) => compare(a, b, order === "ascending" ? 1 : -1));
    this.lines = keyed.map(([, line]) => line);
    this.table.tBodies[0].append(...this.lines);
    this.tell(`sorted by ${header.textContent}, ${order}`);
  }

  /** Show the rows that are chosen; those of a closed part wait until it is opened. */
  filter() {
    if (this.details && !this.details.open) return;
    for (const line of this.lines) line.hidden = !isChosen(this.row(line));
    this.markConstant();
    this.tell();
  }

  /** Number the columns to choose by that say the same in all rows: a narrow screen leaves them out. */
  markConstant() {
    const shown = this.lines.filter((line) => !line.hidden).map((line) => this.row(line));
    const constant = data.keys.filter(({ name }) => shown.every((row) => row[name] === shown[0][name]));
    this.table.dataset.constant = constant.map(({ name }) => this.names.indexOf(name) + 1).join(" ");
  }

  tell(more) {
    const shown = this.lines.filter((line) => !line.hidden).length;
    this.status.textContent = `${shown} of ${this.lines.length} rows${more ? `, ${more}` : ""}`;
  }

  /** Let the arm of each row open the row's runs. */
  linkRuns() {
    const place = this.names.indexOf("arm");
    for (const { cells } of this.lines) {
      const properties = { type: "button", "aria-haspopup": "dialog", title: "Show the runs" };
      cells[place].replaceChildren(element("button", properties, cells[place].textContent));
    }
    this.table.tBodies[0].addEventListener("click", (event) => {
      const line = event.target.closest("button")?.closest("tr");
      if (line) openRuns(this.row(line));
    });
  }
}

function byText(a, b, sign) {
  return sign * a.localeCompare(b, "en", { numeric: true });
}

/** By the number that a cell begins with; what has none stands last either way. */
function byNumber(a, b, sign) {
  const [x, y] = [a, b].map(numberIn);
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
  return x === y ? 0 : sign * (x < y ? -1 : 1);
}

function numberIn(text) {
  return text === "never" ? Infinity : Number.parseFloat(text.replace("[", ""));
}
