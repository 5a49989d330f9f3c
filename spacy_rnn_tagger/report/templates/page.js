"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const percent = (part, whole) => (whole ? (100 * part / whole).toFixed(2) : "-");

  // Theme: as the system, light, dark. A page that may not store anything forgets the choice.
  const themes = { "": "as the system", light: "light", dark: "dark" };
  const themeButton = document.getElementById("theme");
  const setTheme = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    themeButton.querySelector("span").textContent = themes[theme];
  };
  const stored = () => { try { return localStorage.getItem("spacy-rnn-tagger-theme") || ""; } catch { return ""; } };
  themeButton.hidden = false;
  setTheme(stored() in themes ? stored() : "");
  themeButton.addEventListener("click", () => {
    const names = Object.keys(themes);
    const next = names[(names.indexOf(document.documentElement.dataset.theme || "") + 1) % names.length];
    setTheme(next);
    try { localStorage.setItem("spacy-rnn-tagger-theme", next); } catch { /* forgotten */ }
  });

  // Tables that sort by a column.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const number = Number(cell.dataset.value ?? cell.textContent.replace(/,/g, ""));
    return Number.isNaN(number) ? cell.textContent : number;
  };
  const compare = (a, b) => {
    if (typeof a !== typeof b) return typeof a === "number" ? 1 : -1;
    return typeof a === "number" ? a - b : a.localeCompare(b);
  };
  for (const table of all(document, "table.sortable")) {
    for (const button of all(table, "button.sort")) {
      button.addEventListener("click", () => {
        const head = button.closest("th");
        // Numbers are most wanted from the greatest down, names from A to Z.
        const first = head.cellIndex ? "descending" : "ascending";
        const other = head.cellIndex ? "ascending" : "descending";
        const direction = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of all(table, "th[aria-sort]")) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", direction);
        const sign = direction === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => sign * compare(valueOf(a, head.cellIndex), valueOf(b, head.cellIndex)));
        table.tBodies[0].append(...rows);
      });
    }
  }

  // Thresholds.
  for (const [id, { labels, curves }] of Object.entries(data.thresholds || {})) {
    const panel = document.getElementById(id);
    const slider = panel.querySelector("input[type=range]");
    const choice = panel.querySelector("select.curve");
    for (const [i, label] of ["all labels", ...labels].entries()) choice.add(new Option(label, i));
    const measures = {
      precision: (curve, i) => (curve.kept[i] ? curve.right[i] / curve.kept[i] : NaN),
      recall: (curve, i) => (curve.gold ? curve.right[i] / curve.gold : NaN),
      f: (curve, i) => 2 * curve.right[i] / (curve.kept[i] + curve.gold),
    };
    const x = (i) => 36 + 3.74 * i;
    const show = () => {
      const curve = curves[choice.value];
      const at = Number(slider.value);
      for (const [name, measure] of Object.entries(measures)) {
        panel.querySelector(`output.${name}`).textContent = percent(measure(curve, at) || 0, 1);
        const points = curve.kept.map((_, i) => [x(i), 190 - 180 * measure(curve, i)]).filter((p) => !Number.isNaN(p[1]));
        panel.querySelector(`[data-line=${name}]`).setAttribute("d", points.length ? `M${points.map((p) => p.map((v) => v.toFixed(1)).join(",")).join("L")}` : "");
      }
      panel.querySelector("output.kept").textContent = `${curve.kept[at].toLocaleString("en")} of ${curve.kept[0].toLocaleString("en")}`;
      panel.querySelector("output.at").textContent = (at / 100).toFixed(2);
      slider.setAttribute("aria-valuetext", `${(at / 100).toFixed(2)}: precision ${panel.querySelector("output.precision").textContent}, recall ${panel.querySelector("output.recall").textContent}`);
      const now = panel.querySelector(".now");
      now.setAttribute("x1", x(at));
      now.setAttribute("x2", x(at));
    };
    slider.addEventListener("input", show);
    choice.addEventListener("change", show);
    panel.querySelector("button.best").addEventListener("click", () => {
      const curve = curves[choice.value];
      const scores = curve.kept.map((_, i) => measures.f(curve, i) || 0);
      slider.value = scores.indexOf(Math.max(...scores));
      show();
    });
    show();
  }

  // Errors in context.
  const PER_PAGE = 10;
  const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
  const labelOf = (right, label) => Object.assign(document.createElement("b"), { className: right ? "gold" : "wrong", textContent: label || "no label" });
  // One line for a label instead of another in the same place.
  const together = (rows) => {
    const [[, gold], [who, predicted, , confidence]] = rows;
    const same = rows.length === 2 && gold && predicted && gold[0] === predicted[0] && gold[1] === predicted[1];
    return same ? [[who, predicted, 0, confidence, gold[2]]] : rows;
  };
  const fillWords = (target, item, place, right, instead) => {
    const text = (start, end) => item.words.slice(start, end).join("");
    if (item.cut[0]) target.append("… ");
    if (place) {
      const [start, end, label] = place;
      const mark = document.createElement("mark");
      mark.className = right ? "gold" : "wrong";
      mark.append(text(start, end).trimEnd(), " ", labelOf(right, label));
      if (instead !== undefined) mark.append(" instead of ", labelOf(1, instead));
      target.append(text(0, start), mark, /\s$/.test(text(start, end)) ? " " : "", text(end));
    } else {
      target.append(text(0));
    }
    if (item.cut[1]) target.append(" …");
  };
  const makeItem = (item) => {
    const element = copy("error-template");
    element.querySelector(".what").textContent = item.kind === "first" || item.kind === "second" ? `only the ${item.kind} is right` : item.kind;
    element.querySelector(".where").textContent = item.where || `doc ${item.doc + 1}`;
    if (item.expected != null) element.querySelector(".numbers").textContent = `probability of gold ${item.expected}`;
    for (const [who, place, right, confidence, instead] of together(item.rows)) {
      const row = copy("row-template");
      row.querySelector(".who").textContent = confidence == null ? who : `${who} ${confidence.toFixed(2)}`;
      fillWords(row.querySelector(".words"), item, place, right, instead);
      element.querySelector(".lines").append(row);
    }
    return element;
  };
  const orders = {
    given: null,
    doc: (a, b) => a.doc - b.doc,
    unsure: (a, b) => (a.sure ?? 2) - (b.sure ?? 2),
    expected: (a, b) => (a.expected ?? 2) - (b.expected ?? 2),
  };
  for (const [id, items] of Object.entries(data.lists || {})) {
    const box = document.getElementById(id);
    const control = Object.fromEntries(["search", "kind", "label", "order"].map((name) => [name, box.querySelector(`.${name}`)]));
    const previous = box.querySelector(".previous");
    const next = box.querySelector(".next");
    const list = box.querySelector("ol");
    const texts = items.map((item) => item.words.join("").toLowerCase());
    let found = items;
    let page = 0;
    const show = () => {
      const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
      list.replaceChildren(...found.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map(makeItem));
      box.querySelector(".found").textContent = found.length === items.length ? `${items.length.toLocaleString("en")} in all.` : `${found.length.toLocaleString("en")} of ${items.length.toLocaleString("en")}.`;
      box.querySelector(".pages").textContent = `page ${page + 1} of ${pages}`;
      previous.disabled = page === 0;
      next.disabled = page + 1 >= pages;
    };
    const search = () => {
      const wanted = control.search.value.trim().toLowerCase();
      found = items.filter((item, i) => texts[i].includes(wanted)
        && (!control.kind.value || item.kind === control.kind.value)
        && (!control.label.value || item.labels.includes(control.label.value)));
      if (orders[control.order.value]) found = [...found].sort(orders[control.order.value]);
      page = 0;
      show();
    };
    for (const each of Object.values(control)) each.addEventListener(each.type === "search" ? "input" : "change", search);
    const turn = (step) => { page += step; show(); list.focus({ preventScroll: true }); box.scrollIntoView({ block: "start" }); };
    previous.addEventListener("click", () => turn(-1));
    next.addEventListener("click", () => turn(1));
    show();
  }
})();
