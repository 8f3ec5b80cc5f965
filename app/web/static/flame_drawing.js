// Draws the frames of a flame graph as SVG, and the same frames as a table. All frames of one colour are one path: a browser
// takes far longer for the style of thousands of elements than for all the rest.

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

function outline(frames) {
  const box = ({ x, y, width }) => {
    const wide = Math.max(width - 0.5, 0.3).toFixed(2);
    return `M${x.toFixed(2)} ${y}h${wide}v${ROW - 1}h-${wide}z`;
  };
  return frames.map(box).join("");
}

/** The picture of the frames, whose rows may be negative; each frame gets its y. upward: callees above their callers. */
export function drawn(frames, width, upward, title) {
  const rows = frames.map((frame) => frame.row);
  const first = Math.min(...rows), last = Math.max(...rows);
  const height = (last - first + 1) * ROW;
  const picture = element("svg", { class: "flame", width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application", "aria-label": title });
  const looks = new Map();
  for (const frame of frames) {
    frame.y = (upward ? last - frame.row : frame.row - first) * ROW;
    const look = frame.above ? "above" : frame.look;
    if (!looks.has(look)) looks.set(look, []);
    looks.get(look).push(frame);
  }
  for (const [look, those] of looks) picture.append(element("path", { class: look, d: outline(those) }));
  for (const frame of frames.filter((each) => each.width >= LABELLED)) {
    const text = element("text", { class: frame.above ? "above" : "", x: (frame.x + 4).toFixed(2), y: frame.y + 14 });
    text.textContent = label(frame);
    picture.append(text);
  }
  return picture;
}

/** Marks these frames of the picture and no others in this way, a class of the style sheet. */
export function marked(picture, way, frames) {
  picture.querySelector(`path.${way}`)?.remove();
  if (frames.length) picture.insertBefore(element("path", { class: way, d: outline(frames) }), picture.querySelector("text"));
}

/** The frame in which the pointer of this event is, or undefined. */
export function pointed(picture, frames, event) {
  const { left, top } = picture.getBoundingClientRect();
  const x = event.clientX - left, y = event.clientY - top;
  return frames.find((frame) => frame.y <= y && y < frame.y + ROW && frame.x <= x && x < frame.x + frame.width);
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
