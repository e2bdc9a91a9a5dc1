// Curves, or where there is one place on the horizontal axis, a line for each arm.

const MOST_PANELS = 12; // drawn at a time
const OPENING_PANELS = 6; // which the choices at opening narrow to
const MOST_BANDS = 4; // arms whose bands can be told apart; more of them get bars
const ARM_HEIGHT = 38; // pixels
const SYMBOLS = {
  "": d3.symbolCircle, o: d3.symbolCircle, s: d3.symbolSquare, D: d3.symbolDiamond, d: d3.symbolDiamond2,
  "^": d3.symbolTriangle, v: d3.symbolTriangle2, P: d3.symbolCross, X: d3.symbolTimes, p: d3.symbolStar,
  h: d3.symbolWye, ">": d3.symbolSquare2, "<": d3.symbolAsterisk,
};
const styles = new Map(data.arms.map((arm) => [arm.name, { ...arm, colour: tinted(arm.colour) }]));
const FONT = { fontSize: "12px", background: "none", overflow: "visible" };

/** A colour that the page lightens on dark paper; black is that of its text. */
function tinted(colour) {
  if (colour === "#000000") return "currentColor";
  return `color-mix(in oklab, ${colour} calc(100% - var(--lift)), white)`;
}

/** The panels of the chosen chart: what its rows have in common but for the arm. */
function panels() {
  const { against, rows } = chosen.chart;
  const found = d3.group(rows.filter(isChosen), (row) => placeOf({ ...row, arm: "", [against]: "" }));
  return [...found].map(([title, members]) => {
    const isLone = new Set(members.map((row) => row[against])).size === 1;
    return { title: isLone ? placeOf({ ...members[0], arm: "" }) : title, rows: members };
  });
}

function drawPanels() {
  const all = panels();
  const [one, ...others] = all.slice(0, MOST_PANELS).map((panel) => new Panel(panel));
  const place = document.getElementById("panels");
  place.replaceChildren(...(one ? [one, ...others].map((panel) => panel.figure) : ["No marks for these choices."]));
  for (const panel of one ? [one, ...others] : []) panel.draw();
  document.getElementById("curves-caption").textContent = chosen.chart.caption;
  const left = all.length - MOST_PANELS;
  document.getElementById("panels-left-out").textContent =
    left > 0 ? `${left} more panels are not drawn: choose fewer above.` : "";
}

class Panel {
  constructor({ title, rows }) {
    this.title = title;
    const order = (row) => arms.indexOf(row.arm);
    this.rows = rows.toSorted((a, b) => order(a) - order(b) || a.across - b.across);
    this.arms = [...new Set(this.rows.map((row) => row.arm))];
    this.tip = element("div", { className: "tip", hidden: true });
    this.figure = element("figure", {}, element("figcaption", {}, title));
  }

  draw() {
    const places = new Set(this.rows.map((row) => row.across).filter((across) => across !== null));
    const options = places.size > 1 ? this.curves([...places]) : this.lines();
    const svg = Plot.plot({ ...options, width: this.figure.clientWidth, style: FONT });
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", `${chosen.chart.title}: ${this.title}`);
    this.figure.append(svg, this.tip);
    this.listen(svg);
  }

  // --- what is drawn

  curves(places) {
    const { axis, across, floor } = chosen.chart;
    const most = Math.max(2, Math.floor(this.figure.clientWidth / 70));
    return {
      height: 310, marginLeft: 55, marginRight: 15, marginTop: 25, marginBottom: 42,
      x: {
        type: across, label: axis, nice: across === "linear",
        ticks: places.length <= most ? places : most, tickFormat: places.length <= most ? ",d" : "~s",
      },
      y: this.valueScale(floor),
      marks: [...this.arms.flatMap((arm) => this.curve(arm)), this.ring("across", "drawn")],
    };
  }

  /** The marks of an arm; one without a place on the axis is a level. */
  curve(arm) {
    const { colour, dash } = styles.get(arm);
    const rows = this.rows.filter((row) => row.arm === arm).map((row) => this.placed(row));
    const line = { stroke: colour, strokeDasharray: dash, strokeWidth: 2 };
    if (rows.every((row) => row.across === null)) {
      const level = rows.map((row) => ({ ...row, across: d3.max(this.rows, (other) => other.across) }));
      return [Plot.ruleY(rows, { y: "drawn", ...line }), this.marks(level, arm, "across", "drawn")];
    }
    const ends = { x: "across", y1: "bottom", y2: "top" };
    const interval =
      this.arms.length <= MOST_BANDS
        ? Plot.areaY(rows, { ...ends, fill: colour, fillOpacity: 0.15 })
        : Plot.ruleX(rows, { ...ends, stroke: colour, strokeOpacity: 0.6, dx: this.aside(arm) });
    return [interval, Plot.lineY(rows, { x: "across", y: "drawn", ...line }), this.marks(rows, arm, "across", "drawn")];
  }

  /** How far the bar of an arm stands aside, so that bars of one place can be told apart. */
  aside(arm) {
    const step = Math.min(2, 30 / this.arms.length);
    return step * (this.arms.indexOf(arm) - (this.arms.length - 1) / 2);
  }

  lines() {
    const rows = this.rows.map((row) => this.placed(row));
    return {
      height: 55 + ARM_HEIGHT * this.arms.length, marginLeft: 8, marginRight: 15, marginTop: 10, marginBottom: 40,
      x: { ...this.valueScale(chosen.chart.floor), nice: true },
      y: { type: "band", domain: this.arms, axis: null },
      marks: [
        ...this.arms.flatMap((arm) => {
          const own = rows.filter((row) => row.arm === arm);
          const { colour } = styles.get(arm);
          return [
            Plot.ruleY(own, { y: "arm", x1: "bottom", x2: "top", stroke: colour, strokeWidth: 2 }),
            Plot.text(own, { y: "arm", text: "arm", frameAnchor: "left", dy: -14, textAnchor: "start" }),
            this.marks(own, arm, "drawn", "arm"),
          ];
        }),
        this.ring("drawn", "arm"),
      ],
    };
  }

  valueScale(floor) {
    const { label, isShare } = chosen.chart;
    const told = isShare ? (value) => `${tick(100 * value)} %` : tick;
    return floor === null ? { label, grid: true } : { label, grid: true, type: "log", tickFormat: told };
  }

  /** A row with what is drawn of it: nothing below the floor of a logarithmic axis. */
  placed(row) {
    const lift = (value) => (chosen.chart.floor === null ? value : Math.max(value, chosen.chart.floor));
    const drawn = lift(row.value);
    const [bottom, top] = row.low === null ? [drawn, drawn] : [lift(row.low), lift(row.high)];
    return { ...row, drawn, bottom, top };
  }

  marks(rows, arm, x, y) {
    const { colour, marker } = styles.get(arm);
    return Plot.dot(rows, {
      x, y, r: 5, symbol: SYMBOLS[marker] ?? d3.symbolCircle, fill: colour, stroke: colour, strokeWidth: 1.5,
      href: (row) => `#${row.index}`, className: "marks",
    });
  }

  ring(x, y) {
    const rows = this.rows.filter((row) => row.across !== null || y === "arm").map((row) => this.placed(row));
    return Plot.dot(rows, Plot.pointer({ x, y, r: 10, stroke: "currentColor", strokeWidth: 1.5, ariaHidden: "true" }));
  }

  // --- what a pointer and a keyboard do

  listen(svg) {
    const found = new Map(
      [...svg.querySelectorAll(".marks a")].map((link) => [Number(link.href.baseVal.slice(1)), link]),
    );
    this.rows = this.rows.filter((row) => found.has(row.index));
    this.links = this.rows.map((row) => found.get(row.index));
    for (const group of svg.children) {
      if (group.classList.contains("marks")) group.removeAttribute("aria-label");
      else group.setAttribute("aria-hidden", "true");
    }
    this.links.forEach((link, turn) => {
      link.setAttribute("aria-label", `${placeOf(this.rows[turn])}: ${numbersOf(this.rows[turn])}`);
      link.setAttribute("aria-haspopup", "dialog");
      link.setAttribute("tabindex", turn ? -1 : 0);
      link.addEventListener("focus", () => this.show(this.rows[turn]));
      link.addEventListener("blur", () => this.show(null));
    });
    svg.addEventListener("input", () => this.show(svg.value));
    svg.addEventListener("pointerdown", (event) => event.stopPropagation(), { capture: true });
    svg.addEventListener("click", (event) => this.click(event, svg));
    svg.addEventListener("keydown", (event) => this.press(event));
  }

  click(event, svg) {
    event.preventDefault();
    const turn = this.links.indexOf(event.target.closest("a"));
    const row = turn >= 0 ? this.rows[turn] : svg.value;
    if (row) openRuns(this.rows.find(({ index }) => index === row.index));
  }

  press(event) {
    const turn = this.links.indexOf(document.activeElement);
    if (turn < 0) return;
    const last = this.links.length - 1;
    const to = {
      ArrowRight: Math.min(turn + 1, last), ArrowLeft: Math.max(turn - 1, 0),
      ArrowDown: this.beside(turn, 1), ArrowUp: this.beside(turn, -1), Home: 0, End: last,
    }[event.key];
    if (event.key === "Escape") this.show(null);
    if (to === undefined) return;
    event.preventDefault();
    this.links[turn].setAttribute("tabindex", -1);
    this.links[to].setAttribute("tabindex", 0);
    this.links[to].focus();
  }

  /** The mark nearest to this one's place of the next or the last arm. */
  beside(turn, step) {
    const { arm, across } = this.rows[turn];
    const other = this.arms[this.arms.indexOf(arm) + step];
    const places = d3.range(this.rows.length).filter((place) => this.rows[place].arm === other);
    return d3.least(places, (place) => Math.abs(this.rows[place].across - across)) ?? turn;
  }

  show(row) {
    this.tip.hidden = !row;
    if (!row) return;
    const link = this.links[this.rows.findIndex(({ index }) => index === row.index)];
    this.tip.replaceChildren(element("strong", {}, placeOf(row)), numbersOf(row));
    const [mark, frame] = [link.getBoundingClientRect(), this.figure.getBoundingClientRect()];
    const room = frame.width - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(mark.left - frame.left + 12, room))}px`;
    const isLow = mark.top - frame.top > frame.height / 2;
    const top = isLow ? mark.top - this.tip.offsetHeight - 10 : mark.bottom + 10;
    this.tip.style.top = `${top - frame.top}px`;
  }
}

function tick(value) {
  return value >= 0.01 && value < 10000 ? d3.format("~g")(value) : d3.format(".0e")(value);
}
