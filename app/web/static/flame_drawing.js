// Draws the frames of a flame graph as SVG, and the same frames as a table.

import { amount, percent, short } from "./flame_tree.js";

const SVG = "http://www.w3.org/2000/svg";
const ROW = 21; // pixels
const LETTER = 7.3; // pixels of a letter of the style sheet's font
const LABELLED = 24; // pixels: a narrower frame has no space for a label
const ROWS = 1000; // of the table

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function label(frame) {
  const name = short(frame.name);
  const letters = Math.floor((frame.width - 6) / LETTER);
  return name.length <= letters ? name : `${name.slice(0, Math.max(letters - 1, 1))}…`;
}

/** The picture of the frames, whose rows may be negative. upward: callees above their callers. */
export function drawn(frames, width, upward, title) {
  const rows = frames.map((frame) => frame.row);
  const first = Math.min(...rows), last = Math.max(...rows);
  const height = (last - first + 1) * ROW;
  const picture = element("svg", { class: "flame", width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application", "aria-label": title });
  const parts = document.createDocumentFragment();
  for (const frame of frames) {
    const y = (upward ? last - frame.row : frame.row - first) * ROW;
    const group = element("g", { class: frame.above ? "frame above" : "frame" });
    group.append(element("rect", { class: frame.look, x: frame.x.toFixed(2), y, width: Math.max(frame.width - 0.5, 0.3).toFixed(2), height: ROW - 1 }));
    if (frame.width >= LABELLED) {
      const text = element("text", { x: (frame.x + 4).toFixed(2), y: y + 14 });
      text.textContent = label(frame);
      group.append(text);
    }
    group.frame = frame;
    frame.group = group;
    parts.append(group);
  }
  picture.append(parts);
  return picture;
}

/** What is said of a frame besides its name. texts: `now, was BASE` of compared trees, `of which SELF its own`. */
export function amounts(frame, unit, total, texts) {
  if (frame.base !== undefined) {
    const more = frame.value - frame.base;
    const by = `${more > 0 ? "+" : ""}${amount(more, unit)}`;
    return texts.was.replace("NOW", amount(frame.value, unit)).replace("BASE", amount(frame.base, unit)).replace("MORE", by);
  }
  const all = `${amount(frame.value, unit)} (${percent(frame.value, total)})`;
  if (frame.self === frame.value) return all;
  return texts.own.replace("ALL", all).replace("SELF", `${amount(frame.self, unit)} (${percent(frame.self, total)})`);
}

/** Fills the body of the table: a row for each frame with its depth, its name and its amounts. */
export function fillTable(body, frames, say) {
  const rows = frames.slice(0, ROWS).map((frame) => {
    const row = document.createElement("tr");
    for (const text of [frame.row, frame.name, say(frame)]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  });
  body.replaceChildren(...rows);
}
