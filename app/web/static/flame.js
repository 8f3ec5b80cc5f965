// The flame graph of a page: search, zoom without a page load, callers and callees of a function, keyboard, table.
// The server sends what the screen can show and answers each zoom; a comparison is sent whole. See templates/picture.html.

import { above, grown, matching, percent, placed, withId } from "./flame_tree.js";
import { copy } from "./copy.js";
import { amounts, drawn, fillTable, marked, pointed } from "./flame_drawing.js";

const THINNEST = 1; // pixel
const REMEMBERED = 40; // answers
const TYPED = 150; // milliseconds without a key until a search is asked
const RESTED = 80; // milliseconds on a frame until its zoom is asked

/** What the server answers, with what is drawn of it. */
async function fetched(href) {
  const response = await fetch(href);
  const plain = await response.json();
  if (!response.ok) throw new Error(plain.detail);
  return {
    unit: plain.unit,
    total: plain.total,
    root: grown(plain.root),
    callers: (plain.callers ?? []).map(grown),
    inverted: plain.inverted ? grown(plain.inverted) : null,
    matched: plain.matched ?? null,
  };
}

class FlameGraph {
  constructor(home) {
    this.home = home;
    this.texts = home.dataset;
    this.whole = home.dataset.whole !== undefined;
    this.place = home.querySelector(".drawing");
    this.told = home.querySelector(".told");
    this.search = home.querySelector("input[type=search]");
    this.matched = home.querySelector(".matched");
    this.table = home.querySelector("details tbody");
    this.answers = new Map();
    this.current = null;
    home.querySelector(".tools").hidden = false;
    home.querySelector("details").hidden = false;
    this.listen();
    this.read();
    this.show();
  }

  // --- what is shown: the address has it, so that it can be shared, and the back button leads back ---

  read() {
    const asked = new URLSearchParams(location.search);
    this.root = Number(asked.get("root") ?? 0);
    this.function = asked.get("function") ?? "";
    this.upward = asked.get("look") === "flame";
    this.search.value = asked.get("search") ?? "";
    this.button("turn").setAttribute("aria-pressed", this.upward);
  }

  write(step) {
    const asked = new URLSearchParams(location.search);
    const all = { root: this.root || "", function: this.function, look: this.upward ? "flame" : "", search: this.search.value };
    for (const [name, value] of Object.entries(all)) value ? asked.set(name, value) : asked.delete(name);
    history[step](null, "", `${location.pathname}?${asked}${location.hash}`);
  }

  go(root, named = "") {
    this.root = root;
    this.function = named;
    this.write("pushState");
    this.show();
  }

  // --- data ---

  /** The tree in which this is shown in full width; the promise of it until the server has answered. */
  answer(root, named) {
    const href = new URL(this.home.dataset.href, location.href);
    const min = (THINNEST / this.width()).toPrecision(3);
    const asked = this.whole ? {} : { root, min, function: named, search: this.search.value };
    for (const [name, value] of Object.entries(asked)) if (value !== "") href.searchParams.set(name, value);
    const key = href.search;
    if (!this.answers.has(key)) {
      const keep = (tree) => (this.answers.set(key, tree), tree);
      const forget = (error) => {
        this.answers.delete(key);
        throw error;
      };
      this.answers.set(key, fetched(href).then(keep, forget));
      if (this.answers.size > REMEMBERED) this.answers.delete(this.answers.keys().next().value);
    }
    return this.answers.get(key);
  }

  /** Asks for what a click on this frame will show: who clicks has pointed there for a moment. */
  foresee(frame) {
    if (this.whole || frame.id === this.root) return;
    const answer = this.function ? this.answer(0, frame.name) : this.answer(frame.id, "");
    if (answer instanceof Promise) answer.catch(() => {}); // a click asks again, and tells
  }

  async show() {
    const width = this.width();
    const answer = this.answer(this.root, this.function);
    this.awaited = answer; // what was asked before is not shown any more
    if (answer instanceof Promise && !this.whole && !this.function && this.tree) {
      const known = withId(this.tree.root, this.root);
      if (known) this.draw({ ...this.tree, callers: [], root: known, inverted: null }, width); // until the answer is there
    }
    try {
      const tree = await answer;
      if (answer !== this.awaited) return;
      this.tree = tree;
      this.draw(this.whole ? { ...tree, root: withId(tree.root, this.root) ?? tree.root } : { ...tree }, width);
    } catch (error) {
      if (answer === this.awaited) this.told.textContent = error.message;
    }
  }

  // --- drawing ---

  width() {
    return Math.max(this.place.clientWidth, 200);
  }

  draw(tree, width) {
    const callers = tree.callers.length ? tree.callers : above(tree.root);
    callers.forEach((frame, row) => Object.assign(frame, { x: 0, width, row, above: true }));
    const frames = placed(tree.root, width, callers.length, THINNEST);
    for (const frame of frames) frame.above = false;
    const over = tree.inverted ? placed(tree.inverted, width, 0, THINNEST).slice(1) : [];
    for (const frame of over) frame.row = -frame.row;
    this.frames = [...callers, ...over, ...frames].filter((frame) => !this.function || frame.row || frame === tree.root);
    this.shown = tree;
    const picture = drawn(this.frames, width, this.upward, this.texts.title);
    const focused = this.place.contains(document.activeElement);
    this.place.replaceChildren(picture);
    this.highlight();
    this.tell(tree.root);
    if (focused) picture.focus({ preventScroll: true });
    if (this.home.querySelector("details").open) this.fill();
    this.button("all").hidden = !this.root && !this.function;
  }

  fill() {
    fillTable(this.table, this.frames, (frame) => this.say(frame));
  }

  say(frame) {
    return amounts(frame, this.tree.unit, this.tree.total, this.texts);
  }

  tell(frame) {
    this.current = frame;
    this.mark("current", [frame]);
    this.told.querySelector("b").textContent = frame.name;
    this.told.querySelector("span").textContent = this.say(frame);
    document.dispatchEvent(new CustomEvent("function-shown", { detail: { name: frame.name, from: this } }));
  }

  highlight() {
    const wanted = this.search.value.toLowerCase();
    this.place.firstChild.classList.toggle("searched", wanted !== "");
    this.mark("hit", wanted ? this.frames.filter((frame) => frame.name.toLowerCase().includes(wanted)) : []);
    const root = this.shown.root;
    const found = this.shown.matched ?? (wanted ? matching(root, wanted) : null);
    this.matched.textContent = wanted && found !== null ? this.texts.matched.replace("SHARE", percent(found, root.size) || "0%") : "";
  }

  mark(way, frames) {
    marked(this.place.firstChild, way, frames);
  }

  /** Somebody points at the frame, with the pointer or with a key. */
  point(frame) {
    this.tell(frame);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.foresee(frame), RESTED);
  }

  /** Marks the frames of a function that is pointed at elsewhere on the page. */
  same(name) {
    if (this.frames) this.mark("same", this.frames.filter((frame) => frame.name === name));
  }

  // --- what people do ---

  button(name) {
    return this.home.querySelector(`button[name=${name}]`);
  }

  listen() {
    const framed = (event) => this.frames && pointed(this.place.firstChild, this.frames, event);
    this.place.addEventListener("mousemove", (event) => {
      const frame = framed(event);
      if (frame && frame !== this.current) this.point(frame);
    });
    this.place.addEventListener("pointerdown", (event) => framed(event) && this.foresee(framed(event)));
    this.place.addEventListener("click", (event) => framed(event) && this.zoom(framed(event)));
    this.place.addEventListener("keydown", (event) => this.key(event));
    this.button("all").addEventListener("click", () => this.go(0));
    this.button("sides")?.addEventListener("click", () => this.go(0, this.current.name));
    this.button("copy").addEventListener("click", () => copy(this.current.name, this.button("copy")));
    this.button("turn").addEventListener("click", () => {
      this.upward = !this.upward;
      this.button("turn").setAttribute("aria-pressed", this.upward);
      this.write("replaceState");
      this.draw(this.shown, this.width());
    });
    this.search.addEventListener("input", () => {
      if (this.shown) {
        this.shown.matched = null;
        this.highlight();
      }
      clearTimeout(this.typed);
      this.typed = setTimeout(() => {
        this.write("replaceState");
        if (!this.whole) this.show();
      }, TYPED);
    });
    this.home.querySelector("details").addEventListener("toggle", () => this.frames && this.fill());
    addEventListener("popstate", () => {
      this.read();
      this.show();
    });
    let before = this.width();
    new ResizeObserver(() => {
      if (Math.abs(this.width() - before) < 2) return;
      before = this.width();
      this.show();
    }).observe(this.place);
  }

  zoom(frame) {
    if (this.function) this.go(0, frame.name);
    else if (frame.id !== this.root) this.go(frame.id);
  }

  /** Arrow keys move on the screen, Enter zooms, Escape leads to the caller of what is shown. */
  key(event) {
    const at = this.current;
    const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    let next = null;
    if (down) next = this.beside(at.row + (this.upward ? -down : down), at.x + at.width / 2);
    else if (side) {
      const row = this.frames.filter((frame) => frame.row === at.row).sort((one, other) => one.x - other.x);
      next = row[row.indexOf(at) + side];
    } else if (event.key === "Enter") this.zoom(at);
    else if (event.key === "Escape" && (this.root || this.function)) this.out();
    else return;
    event.preventDefault();
    if (next) {
      this.point(next);
      this.place.querySelector(".current").scrollIntoView({ block: "nearest" });
    }
  }

  out() {
    const callers = this.frames.filter((frame) => frame.above);
    this.go(this.function ? 0 : callers[callers.length - 1]?.id ?? 0);
  }

  /** The frame in this row that is nearest to x. */
  beside(row, x) {
    const far = (frame) => Math.max(frame.x - x, x - frame.x - frame.width, 0);
    const those = this.frames.filter((frame) => frame.row === row);
    return those.sort((one, other) => far(one) - far(other))[0];
  }
}

for (const home of document.querySelectorAll(".flamegraph")) {
  const graph = new FlameGraph(home);
  document.addEventListener("function-pointed-at", (event) => graph.same(event.detail));
  document.addEventListener("function-chosen", (event) => graph.go(0, event.detail));
}
