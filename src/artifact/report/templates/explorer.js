// SPDX-License-Identifier: MIT
// The page of runs: state in the address, one function a view. Data are columns of values by run.
"use strict";
(() => {
  const { columns, common } = JSON.parse(document.getElementById("data").textContent);
  const byName = new Map(columns.map((column) => [column.name, column]));
  const count = byName.get("key").values.length;
  const everyRun = Array.from({ length: count }, (_, run) => run);
  const value = (name, run) => byName.get(name).values[run];
  const find = (id) => document.getElementById(id);

  const SEARCHED = ["design", "server", "variant", "outcome", "zone", "reasons"];
  const SHOWN = ["design", "server", "variant", "level", "seed", "outcome", "throughput", "l2_data",
    "l2_fetch", "latency_p99", "open_connections"].filter((name) => byName.has(name));
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7f7f7f", "#8b4513"];
  const SHAPES = ["circle", "square", "triangle", "diamond"];
  const ROWS = 50; // in the table until more are asked for: laying them out takes most of the time
  const MORE = 250;

  // State: what the reader chose. It stands in the address, so a view can be kept as a link.
  const initial = () => ({
    filter: "", sort: "", x: "level", y: byName.has("throughput") ? "throughput" : "seed", by: "server",
    logx: "", logy: "", median: "", a: "", b: "", columns: SHOWN.join(","),
  });
  const state = initial();
  const isOf = (name, fallback) => (byName.has(name) ? name : fallback);

  function readAddress() {
    Object.assign(state, initial());
    for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
      if (name in state) state[name] = text;
    }
    const defaults = initial();
    for (const name of ["x", "y", "by"]) state[name] = isOf(state[name], defaults[name]);
    for (const name of ["a", "b"]) if (!(Number(state[name]) < count)) state[name] = "";
  }

  function writeAddress() {
    const defaults = initial();
    const changed = Object.entries(state).filter(([name, text]) => text !== defaults[name]);
    history.replaceState(null, "", `#${new URLSearchParams(changed)}`);
  }

  // Filter.
  const TESTS = {
    "=": (have, want) => have === want, "!=": (have, want) => have !== want,
    "<": (have, want) => have < want, "<=": (have, want) => have <= want,
    ">": (have, want) => have > want, ">=": (have, want) => have >= want,
  };

  function parseTerm(term) {
    const parts = /^([\w.]+)(!=|<=|>=|=|<|>|~)(.*)$/.exec(term);
    if (!parts) {
      const word = term.replaceAll('"', "").toLowerCase();
      return (run) => SEARCHED.some((name) => String(value(name, run)).toLowerCase().includes(word));
    }
    const [, name, operator, quoted] = parts;
    const column = byName.get(name);
    if (!column) throw new Error(`no column "${name}"; the list of columns is above the table`);
    const text = quoted.replaceAll('"', "");
    if (operator === "~") {
      return (run) => String(column.values[run] ?? "").toLowerCase().includes(text.toLowerCase());
    }
    const wanted = column.numeric ? Number(text) : text;
    if (column.numeric && (text === "" || Number.isNaN(wanted))) {
      throw new Error(`"${term}": ${name} is a number; write one after ${operator}`);
    }
    return (run) => column.values[run] !== null && TESTS[operator](column.values[run], wanted);
  }

  function findRuns(text) {
    const terms = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
    const tests = terms.map(parseTerm);
    return everyRun.filter((run) => tests.every((test) => test(run)));
  }

  // Sort: missing values last, either way; equal ones in the order of the plan.
  function sortRuns(runs, order) {
    const descending = order.startsWith("-");
    const column = byName.get(order.replace(/^-/, ""));
    if (!column) return runs;
    const sign = descending ? -1 : 1;
    return [...runs].sort((one, two) => {
      const [a, b] = [column.values[one], column.values[two]];
      if (a === null || b === null) return (a === null) - (b === null) || one - two;
      return a === b ? one - two : sign * (a < b ? -1 : 1);
    });
  }

  // Text.
  const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => ESCAPES[sign]);
  const FORMAT = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 }); // dear to make
  const round = (number) => Number(number.toPrecision(5));
  const show = (cell) => (cell === null ? "-"
    : typeof cell === "number" ? FORMAT.format(cell) : escape(cell));
  const name = (column) => escape(column.unit ? `${column.label}, ${column.unit}` : column.label);
  const label = (run) => `${value("design", run)}/${value("server", run)}/${value("variant", run)}/`
    + `level=${value("level", run)}/seed=${value("seed", run)}`;

  // Table.
  const shownColumns = () => state.columns.split(",").filter((one) => byName.has(one)).map((one) => byName.get(one));

  function drawTable(runs, most) {
    const columnsShown = shownColumns();
    const sorted = state.sort.replace(/^-/, "");
    const heads = columnsShown.map((column) => {
      const way = column.name !== sorted ? "none" : state.sort[0] === "-" ? "descending" : "ascending";
      const arrow = { none: "", ascending: " \u25b2", descending: " \u25bc" }[way];
      return `<th class="${column.numeric ? "n" : ""}" aria-sort="${way}" title="${escape(column.definition)}">`
        + `<button type="button" data-sort="${column.name}">${name(column)}${arrow}</button></th>`;
    });
    const pick = (run, side) => `<button type="button" data-${side}="${run}" `
      + `aria-pressed="false" aria-label="run ${side.toUpperCase()}">${side.toUpperCase()}</button>`;
    const rows = runs.slice(0, most).map((run) => {
      const cells = columnsShown.map((column) => (
        `<td class="${column.numeric ? "n" : column.name === "reasons" ? "why" : ""}">${show(column.values[run])}</td>`));
      return `<tr data-run="${run}"><td class="pick">${pick(run, "a")} ${pick(run, "b")}</td>${cells.join("")}</tr>`;
    });
    find("table").tHead.innerHTML = `<tr><th>Compare</th>${heads.join("")}</tr>`;
    find("table").tBodies[0].innerHTML = rows.join("");
    find("more").hidden = rows.length === runs.length;
    find("more").textContent = `Show ${Math.min(MORE, runs.length - rows.length)} more`;
  }

  // The two runs that are compared, in table and plot, which are not drawn again for them.
  function markChosen() {
    for (const row of document.querySelectorAll("#table tr.a, #table tr.b")) row.className = "";
    for (const button of document.querySelectorAll("#table [aria-pressed=true]")) button.ariaPressed = "false";
    for (const mark of document.querySelectorAll("#chart .chosen")) mark.classList.remove("chosen");
    for (const side of ["b", "a"]) {
      const row = document.querySelector(`#table tr[data-run="${state[side]}"]`);
      if (row) row.className = side;
      if (row) row.querySelector(`[data-${side}]`).ariaPressed = "true";
      document.querySelector(`#chart [data-run="${state[side]}"]`)?.classList.add("chosen");
    }
  }

  // Two runs: metrics with their ratio, inputs where they differ.
  function drawComparison() {
    const [a, b] = [state.a, state.b].map((text) => (text === "" ? null : Number(text)));
    if (a === null || b === null) {
      const chosen = a === null && b === null ? "" : ` Chosen: ${escape(label(a ?? b))}.`;
      find("compare").innerHTML = `<p>Choose run A and run B in the table, or two marks in the plot.${chosen}</p>`;
      return;
    }
    const rows = columns.filter(({ name: one, kind, values }) => one !== "key" && (
      kind === "metric" ? values[a] !== null || values[b] !== null : values[a] !== values[b]));
    const ratio = ({ kind, values }) => (kind === "metric" && values[a] && values[b] !== null
      ? show(values[b] / values[a]) : "");
    find("compare").innerHTML = `<p>A: <code>${escape(label(a))}</code><br>B: <code>${escape(label(b))}</code></p>`
      + '<p><button type="button" id="swap">Swap</button> <button type="button" id="clear">Clear</button></p>'
      + '<div class="scroll"><table><thead><tr><th></th><th class="n">A</th><th class="n">B</th><th class="n">B / A</th></tr></thead><tbody>'
      + rows.map((column) => `<tr data-name="${column.name}"><td title="${escape(column.definition)}">${name(column)}</td>`
        + `<td class="n">${show(column.values[a])}</td><td class="n">${show(column.values[b])}</td>`
        + `<td class="n">${ratio(column)}</td></tr>`).join("")
      + "</tbody></table></div>";
  }

  // Plot.
  function makeScale(cells, numeric, log, from, to) {
    if (!numeric) {
      const kinds = [...new Set(cells.map(String))].sort();
      const step = (to - from) / kinds.length;
      const place = new Map(kinds.map((kind, index) => [kind, from + (index + 0.5) * step]));
      return { place: (cell) => place.get(String(cell)), ticks: kinds };
    }
    const warp = log ? Math.log10 : (number) => number;
    let [low, high] = cells.reduce(([l, h], cell) => [Math.min(l, cell), Math.max(h, cell)], [Infinity, -Infinity]);
    if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 1, high + 1];
    if (!log) [low, high] = [low - (high - low) * 0.04, high + (high - low) * 0.04];
    if (log) [low, high] = [low / 1.1, high * 1.1];
    const span = warp(high) - warp(low);
    return {
      place: (cell) => from + ((warp(cell) - warp(low)) / span) * (to - from),
      ticks: log ? listLogTicks(low, high) : listTicks(low, high),
    };
  }

  function listTicks(low, high) {
    const rough = (high - low) / 6;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => round((first + i) * step));
  }

  function listLogTicks(low, high) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
      for (const digit of [1, 2, 5]) ticks.push(round(digit * 10 ** power));
    }
    return ticks.filter((tick) => tick >= low && tick <= high);
  }

  function drawMark(shape, x, y, size) {
    const paths = {
      circle: `<circle cx="${x}" cy="${y}" r="${size}"`,
      square: `<rect x="${x - size}" y="${y - size}" width="${2 * size}" height="${2 * size}"`,
      triangle: `<path d="M${x} ${y - size}l${size} ${2 * size}h${-2 * size}z"`,
      diamond: `<path d="M${x} ${y - 1.3 * size}l${size} ${1.3 * size}l${-size} ${1.3 * size}l${-size} ${-1.3 * size}z"`,
    };
    return paths[shape];
  }

  function drawChart(runs) {
    const [width, height, left, right, top, bottom] = [1100, 460, 80, 240, 12, 46];
    const [x, y, by] = [state.x, state.y, state.by].map((one) => byName.get(one));
    const [logx, logy] = [state.logx && x.numeric, state.logy && y.numeric];
    const fits = (cell, log) => cell !== null && !(log && cell <= 0);
    const drawn = runs.filter((run) => fits(x.values[run], logx) && fits(y.values[run], logy));
    if (!drawn.length) {
      find("chart").innerHTML = "<p>None of these runs has both values.</p>";
      return;
    }
    const across = makeScale(drawn.map((run) => x.values[run]), x.numeric, logx, left, width - right);
    const up = makeScale(drawn.map((run) => y.values[run]), y.numeric, logy, height - bottom, top);
    const series = [...new Set(drawn.map((run) => String(by.values[run])))].sort();
    const style = (kind) => {
      const index = series.indexOf(kind);
      return [COLOURS[index % COLOURS.length], SHAPES[Math.floor(index / COLOURS.length) % SHAPES.length]];
    };
    const at = (number) => number.toFixed(1);
    const axes = [
      ...across.ticks.map((tick) => `<line class="grid" x1="${at(across.place(tick))}" x2="${at(across.place(tick))}" y1="${top}" y2="${height - bottom}"/>`
        + `<text text-anchor="middle" x="${at(across.place(tick))}" y="${height - bottom + 16}">${show(tick)}</text>`),
      ...up.ticks.map((tick) => `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(up.place(tick))}" y2="${at(up.place(tick))}"/>`
        + `<text text-anchor="end" x="${left - 6}" y="${at(up.place(tick) + 4)}">${show(tick)}</text>`),
      `<path class="axis" fill="none" d="M${left} ${top}V${height - bottom}H${width - right}"/>`,
      `<text text-anchor="middle" x="${(left + width - right) / 2}" y="${height - 8}">${name(x)}</text>`,
      `<text text-anchor="middle" transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)">${name(y)}</text>`,
    ];
    const marks = drawn.map((run) => {
      const [colour, shape] = style(String(by.values[run]));
      const counts = value("outcome", run) === "measured";
      return `${drawMark(shape, Number(at(across.place(x.values[run]))), Number(at(up.place(y.values[run]))), 4)} class="mark" data-run="${run}" `
        + `fill="${counts ? colour : "none"}" stroke="${colour}" fill-opacity="0.7"><title>${escape(label(run))}\n`
        + `${name(y)}: ${show(y.values[run])}</title></${{ circle: "circle", square: "rect" }[shape] ?? "path"}>`;
    });
    const lines = state.median && x.numeric && y.numeric
      ? series.map((kind) => drawMedians(drawn.filter((run) => String(by.values[run]) === kind), x, y, across, up, style(kind)[0])) : [];
    const legend = series.slice(0, 22).map((kind, index) => {
      const [colour, shape] = style(kind);
      return `${drawMark(shape, width - right + 20, top + 10 + 19 * index, 5)} fill="${colour}"/>`
        + `<text x="${width - right + 32}" y="${top + 14 + 19 * index}">${escape(kind)}</text>`;
    });
    if (series.length > 22) legend.push(`<text x="${width - right + 32}" y="${top + 14 + 19 * 22}">and ${series.length - 22} more</text>`);
    find("chart").innerHTML = `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${name(y)} over ${name(x)}, ${drawn.length} runs">`
      + [...axes, ...lines, ...marks, ...legend].join("") + "</svg>";
  }

  // Of runs that count.
  function drawMedians(runs, x, y, across, up, colour) {
    const groups = new Map();
    for (const run of runs.filter((one) => value("outcome", one) === "measured")) {
      groups.set(x.values[run], [...(groups.get(x.values[run]) ?? []), y.values[run]]);
    }
    const points = [...groups].sort(([one], [two]) => one - two).map(([place, cells]) => {
      const sorted = cells.sort((one, two) => one - two);
      const middle = sorted.length / 2;
      const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
      return `${across.place(place).toFixed(1)},${up.place(median).toFixed(1)}`;
    });
    return `<polyline class="medians" fill="none" stroke="${colour}" points="${points.join(" ")}"/>`;
  }

  // All views from the state.
  let most = ROWS;
  let drawing = 0;
  const drawn = new Map();

  // A view is drawn again only if something that it shows has changed.
  function refresh(view, shown, paint) {
    const key = shown.join("\0");
    if (drawn.get(view) === key) return;
    drawn.set(view, key);
    paint();
  }

  function draw() {
    drawing = 0;
    let runs = [];
    let complaint = "";
    try {
      runs = findRuns(state.filter);
    } catch (error) {
      complaint = error.message;
    }
    find("complaint").textContent = complaint;
    find("count").textContent = `${runs.length} of ${count} runs`;
    const { a, b, sort, x, y, by, logx, logy, median } = state;
    refresh("table", [runs, sort, state.columns, most], () => drawTable(sortRuns(runs, sort), most));
    refresh("chart", [runs, x, y, by, logx, logy, median], () => drawChart(runs));
    refresh("comparison", [a, b], drawComparison);
    markChosen();
    writeAddress();
  }
  const redraw = () => { drawing ||= requestAnimationFrame(draw); };

  function fillControls() {
    const kinds = { factor: "Factors", metric: "Metrics", input: "Inputs" };
    const options = (fits) => Object.entries(kinds).map(([kind, title]) => `<optgroup label="${title}">`
      + columns.filter((column) => column.kind === kind && fits(column)).map((column) => (
        `<option value="${column.name}">${name(column)}</option>`)).join("") + "</optgroup>").join("");
    const plotted = ({ name: one }) => !["key", "reasons"].includes(one);
    find("x").innerHTML = options(plotted);
    find("y").innerHTML = options(plotted);
    find("by").innerHTML = options((column) => column.kind !== "metric" && plotted(column));
    find("columns").querySelector("div").innerHTML = columns.map((column) => (
      `<label title="${escape(column.definition)}"><input type="checkbox" value="${column.name}"> ${escape(column.label)} <span class="soft">${column.name}</span></label>`)).join("");
    find("common").innerHTML = Object.entries(common).map(([one, cell]) => (
      `<tr><td><code>${escape(one)}</code></td><td>${show(cell)}</td></tr>`)).join("");
  }

  function showState() {
    for (const id of ["filter", "x", "y", "by"]) find(id).value = state[id];
    for (const id of ["logx", "logy", "median"]) find(id).checked = Boolean(state[id]);
    const chosen = new Set(state.columns.split(","));
    for (const box of find("columns").querySelectorAll("input")) box.checked = chosen.has(box.value);
  }

  function choose(run) {
    const side = state.a === "" || state.b !== "" ? "a" : "b";
    if (side === "a") state.b = "";
    state[side] = run;
  }

  function listen() {
    find("filter").addEventListener("input", (event) => { state.filter = event.target.value; redraw(); });
    for (const id of ["x", "y", "by"]) find(id).addEventListener("change", (event) => { state[id] = event.target.value; redraw(); });
    for (const id of ["logx", "logy", "median"]) find(id).addEventListener("change", (event) => { state[id] = event.target.checked ? "1" : ""; redraw(); });
    find("columns").addEventListener("change", () => {
      state.columns = [...find("columns").querySelectorAll("input:checked")].map((box) => box.value).join(",");
      redraw();
    });
    find("more").addEventListener("click", () => { most += MORE; redraw(); });
    find("table").addEventListener("click", ({ target }) => {
      const { sort, a, b } = target.dataset;
      if (sort) state.sort = state.sort === sort ? `-${sort}` : sort;
      if (a) state.a = state.a === a ? "" : a;
      if (b) state.b = state.b === b ? "" : b;
      redraw();
    });
    find("chart").addEventListener("click", ({ target }) => {
      if (target.dataset.run) choose(target.dataset.run);
      redraw();
    });
    find("compare").addEventListener("click", ({ target }) => {
      if (target.id === "swap") [state.a, state.b] = [state.b, state.a];
      if (target.id === "clear") [state.a, state.b] = ["", ""];
      redraw();
    });
    window.addEventListener("hashchange", () => { readAddress(); showState(); redraw(); });
  }

  readAddress();
  fillControls();
  showState();
  listen();
  draw();
})();
