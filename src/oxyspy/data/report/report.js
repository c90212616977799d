"use strict";
// Nothing here reaches the network: Plotly and the figures lie packed in the page.
(() => {
  const COLOURS = { L3: "86,180,233", L2: "230,159,0", "pre-edge": "86,180,233", "main edge": "230,159,0" };
  const WINDOWS = { "background fit": "128,128,128", "post window": "0,158,115" };
  // Plotly's own list holds a button that shares the chart over the network
  const CONFIG = { displaylogo: false, responsive: true, modeBarButtons: [["toImage", "resetScale2d"]] };
  const AXIS = { showgrid: false, zeroline: false, showline: true, mirror: true, ticks: "inside", linecolor: "#1a1a1a",
    tickcolor: "#1a1a1a", linewidth: 1 };
  const BASE = { font: { family: "system-ui, Helvetica, Arial, sans-serif", size: 12, color: "#1a1a1a" },
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest", dragmode: "zoom" };

  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  const styled = (layout) => {
    const whole = { ...BASE, ...layout, legend: { bgcolor: "rgba(0,0,0,0)", ...layout.legend } };
    for (const key of Object.keys(whole)) if (/^[xy]axis/.test(key)) whole[key] = { ...AXIS, ...whole[key] };
    return whole;
  };

  // ---- overview table ----
  const table = document.getElementById("scans");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator(undefined, { numeric: true });
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const sortBy = (column) => {
    const down = heads[column].getAttribute("aria-sort") === "ascending";
    heads.forEach((head) => head.setAttribute("aria-sort", "none"));
    heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const numbers = [...body.rows].some((row) => typeof keyOf(row, column) === "number");
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [keyOf(a, column), keyOf(b, column)];
      // what was not measured stays last, whichever way the rest is sorted
      const missing = (key) => (numbers ? typeof key !== "number" : key === "");
      if (missing(x) || missing(y)) return missing(x) - missing(y);
      const order = numbers ? x - y : collator.compare(x, y);
      return down ? -order : order;
    });
    body.append(...rows);
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sortBy(column)));

  const find = document.getElementById("find");
  const status = document.getElementById("status");
  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(words.every((word) => text.includes(word)) && (!status.value || row.dataset.status === status.value));
      shown += !row.hidden;
    }
    document.getElementById("shown").textContent = shown < body.rows.length ? `${shown} of ${body.rows.length} shown` : "";
  };
  find.addEventListener("input", filter);
  status.addEventListener("change", filter);

  // ---- methods to the clipboard ----
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const text = button.parentElement.nextElementSibling;
      const said = [...text.querySelectorAll("p")].map((p) => p.textContent);
      const cited = [...text.querySelectorAll("li")].map((item, i) => `[${i + 1}] ${item.textContent}`);
      try {
        await navigator.clipboard.writeText([...said, "", ...cited].join("\n"));
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "selected";
      }
    });
  }

  // ---- spectra along the line ----
  const summed = (changes) => {
    let value = 0;
    return changes.map((change) => (value += change));
  };
  const browse = (section, spectra) => {
    const figure = section.querySelector(".browser");
    const slider = figure.querySelector("input[type=range]");
    const where = figure.querySelector(".where");
    const views = [...figure.querySelectorAll(".view")];
    views.forEach((view) => (view.name = `view-${section.id}`));
    if (spectra.together > 1) {
      figure.querySelector(".together").textContent = ` Each spectrum is the sum of ${spectra.together} positions.`;
    }
    const powerOf = (top) => Math.max(0, 3 * Math.floor(Math.log10(top) / 3));
    const plots = spectra.edges.map((edge) => {
      const div = document.createElement("div");
      div.className = "plot";
      div.style.height = "300px";
      figure.querySelector(".grid").append(div);
      const energy = edge.counts[0].map((_, k) => Math.round(100 * (edge.start + k * edge.step)) / 100);
      const scaled = (rows, unit) => rows.map((row) => row && summed(row).map((count) => count * unit));
      // powers of energy of what was taken off: one, where rows were not summed
      const background = edge.background.map((curve) => curve && energy.map((e) => {
        const x = Math.log(e);
        return Math.exp((curve[0] * x + curve[1]) * x + curve[2]);
      }));
      const net = scaled(edge.counts, edge.unit);
      const under = edge.continuum && scaled(edge.continuum.counts, edge.continuum.unit);
      const whole = edge.recorded
        ? scaled(edge.recorded.counts, edge.recorded.unit)
        : net.map((row, i) => row.map((count, k) => count + (background[i] ? background[i][k] : 0)));
      const top = (rows) => powerOf(Math.max(...rows.map((row) => Math.max(...row))));
      return { edge, div, energy, net, under, whole, background, power: { net: top(net), whole: top(whole) } };
    });
    const line = (name, x, y, colour, width, more) => ({ type: "scatter", mode: "lines", name, x, y,
      line: { color: colour, width }, ...more });
    const drawnAs = {
      net: ({ edge, energy, net, under }, i, scale) => {
        const drawn = [];
        for (const [label, ends] of edge.areas) {
          // an area is a closed outline, so that both its bounds are its own
          const at = [];
          energy.forEach((e, k) => { if (e >= ends[i][0] && e <= ends[i][1]) at.push(k); });
          const back = [...at].reverse();
          drawn.push({ type: "scatter", mode: "lines", name: label, fill: "toself", hoverinfo: "skip", line: { width: 0 },
            fillcolor: `rgba(${COLOURS[label]},0.55)`,
            x: [...at, ...back].map((k) => energy[k]),
            y: [...at.map((k) => net[i][k] * scale), ...back.map((k) => (under ? under[i][k] * scale : 0))] });
        }
        if (under) {
          drawn.push(line("continuum 2:1", energy, under[i].map((count) => count * scale), "#D55E00", 1.5,
            { hoverinfo: "skip" }));
        }
        return drawn;
      },
      whole: ({ energy, background }, i, scale) => [line("power law", energy,
        energy.map((_, k) => (background[i] ? background[i][k] * scale : null)), "#D55E00", 1.5, { hoverinfo: "skip" })],
    };
    const names = { net: () => "net spectrum", whole: ({ edge }) => edge.of };
    const viewed = () => views.find((view) => view.checked).value;
    const traces = (plot, i) => {
      const { edge, energy } = plot;
      const view = viewed();
      const scale = 10 ** -plot.power[view];
      const drawn = drawnAs[view](plot, i, scale);
      drawn.push(line(names[view](plot), energy, plot[view][i].map((count) => count * scale), "#000", 1.1,
        { hovertemplate: "%{x:.1f} eV: %{y:.4g}<extra></extra>" }));
      for (const [label] of edge.windows) {
        drawn.push({ type: "scatter", mode: "markers", name: label, x: [null], y: [null],
          marker: { symbol: "square", size: 11, color: `rgba(${WINDOWS[label]},0.35)` } });
      }
      return drawn;
    };
    const layout = ({ edge, energy, power }) => {
      const view = viewed();
      const thousands = { 0: "", 3: " (10³)", 6: " (10⁶)", 9: " (10⁹)" }[power[view]];
      return styled({
        margin: { l: 62, r: 10, t: 70, b: 46 },
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 } },
        title: { text: edge.name, x: 0.01, y: 0.985, yanchor: "top", font: { size: 13 } },
        xaxis: { title: { text: "energy loss (eV)", standoff: 6 },
          range: [view === "net" ? edge.net_from : energy[0], energy[energy.length - 1]] },
        yaxis: { title: { text: `${view === "net" ? "net counts" : "counts"}${thousands}`, standoff: 4 } },
        shapes: [
          ...edge.windows.map(([label, low, high]) => ({ type: "rect", xref: "x", yref: "paper", x0: low, x1: high,
            y0: 0, y1: 1, layer: "below", line: { width: 0 }, fillcolor: `rgba(${WINDOWS[label]},0.16)` })),
          { type: "line", xref: "paper", yref: "y", x0: 0, x1: 1, y0: 0, y1: 0, layer: "below",
            visible: view === "net", line: { color: "#808080", width: 0.7 } },
        ],
      });
    };
    let asked = false;
    const show = (i) => {
      const flags = spectra.flags[i] ? ` (${spectra.flags[i]})` : "";
      where.textContent = `position ${spectra.positions[i].toFixed(2)} nm${flags}`;
      // at most one drawing a frame, of the position that is then the last, so that dragging never lags behind
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        const last = Number(slider.value);
        for (const plot of plots) if (plot.div.data) Plotly.react(plot.div, traces(plot, last), layout(plot), CONFIG);
      });
    };
    slider.max = spectra.positions.length - 1;
    slider.value = Math.floor(spectra.positions.length / 2);
    slider.addEventListener("input", () => show(Number(slider.value)));
    views.forEach((view) => view.addEventListener("change", () => show(Number(slider.value))));
    show(Number(slider.value));
    const at = (position) => {
      const away = spectra.positions.map((p) => Math.abs(p - position));
      slider.value = away.indexOf(Math.min(...away));
      show(Number(slider.value));
    };
    return {
      at,
      jobs: plots.map((plot) => [plot.div, () =>
        Plotly.newPlot(plot.div, traces(plot, Number(slider.value)), layout(plot), CONFIG)]),
    };
  };

  // ---- drawing: what is near the eye first, the rest when the browser is idle, all before printing ----
  const waiting = new Map();
  let ready = false;
  const draw = (div) => {
    const make = waiting.get(div);
    waiting.delete(div);
    if (make) make();
    if (ready && !waiting.size) document.body.dataset.drawn = "all";
  };
  const drawAll = () => [...waiting.keys()].forEach(draw);
  const idle = window.requestIdleCallback || ((job) => setTimeout(job, 30));
  const drawRest = () => {
    const next = waiting.keys().next();
    if (next.done) return;
    draw(next.value);
    idle(drawRest);
  };

  const start = async () => {
    const code = document.createElement("script");
    code.textContent = await unpack(document.getElementById("plotly").textContent);
    document.head.append(code);
    const near = new IntersectionObserver(
      (seen) => seen.forEach((entry) => { if (entry.isIntersecting) draw(entry.target); }), { rootMargin: "400px" });
    const later = (div, job) => {
      waiting.set(div, job);
      near.observe(div);
    };
    for (const packed of document.querySelectorAll("script.figures")) {
      // the overview has figures too
      const section = packed.closest("section");
      const figures = JSON.parse(await unpack(packed.textContent));
      const browser = figures.spectra ? browse(section, figures.spectra) : null;
      for (const div of section.querySelectorAll(".plot[data-figure]")) {
        const { data, layout } = figures[div.dataset.figure];
        div.style.height = `${layout.height}px`; // Plotly takes its height from here when the window changes
        later(div, () => {
          Plotly.newPlot(div, data, styled(layout), CONFIG);
          if (browser && div.dataset.figure === "profile") {
            div.on("plotly_click", (event) => browser.at(event.points[0].x));
          }
        });
      }
      if (browser) for (const [div, job] of browser.jobs) later(div, job);
    }
    ready = true;
    if (!waiting.size) document.body.dataset.drawn = "all";
    // what a browser holds at once without effort; of a longer page it draws what comes near
    if (waiting.size <= 600) idle(drawRest);
    // a sheet of A4 or letter is narrower than most windows, and figures do not follow by themselves
    const plots = () => [...document.querySelectorAll(".plot")].filter((div) => div.data);
    addEventListener("beforeprint", () => {
      drawAll();
      for (const div of plots()) {
        // a figure is cut by no page's end
        Plotly.relayout(div, { width: div.closest(".grid") ? 325 : 660, height: Math.min(div.offsetHeight, 760) });
      }
    });
    addEventListener("afterprint", () => plots().forEach((div) =>
      Plotly.relayout(div, { width: null, height: null, autosize: true })));
  };
  start().catch((error) => {
    const trouble = document.getElementById("trouble");
    trouble.textContent = `The figures could not be drawn: ${error}. A browser of 2023 or newer is needed.`;
    trouble.hidden = false;
    console.error(error);
  });
})();
