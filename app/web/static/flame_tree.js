// The call tree of a flame graph: where each frame is, what it is called, which colour it has. No page is touched here.

const FOLDERS = /^(?:[\w.~%-]+\/)+(?=[\w~%-]+\.)/; // of a Go package; not those in `run (a/b.py:1)`
const FILE = /\(([^()]*?)(?::[0-9]+)?\)$/; // `run (a/b.py:12)`
const STEPS = [0.005, 0.02, 0.08]; // of the larger whole: from here on a difference has a colour, and a stronger one
const COLOURS = 8; // f0 to f7 in the style sheet

/** The name without the folders of its package. */
export function short(name) {
  return name.replace(FOLDERS, "");
}

/** The class of a colour: the same for all functions of a package, or of a file where names end with one. */
function colour(name) {
  if (name.startsWith("[") || name === "(other)") return "other";
  const file = FILE.exec(name);
  const family = file ? file[1] : short(name).split(/[.(\[<]/, 1)[0];
  let sum = 0;
  for (const letter of family) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return `f${sum % COLOURS}`;
}

function look(frame, whole) {
  if (frame.base === undefined) return frame.parent || frame.name !== "root" ? colour(frame.name) : "other";
  const share = (frame.value - frame.base) / (Math.max(whole.value, whole.base) || 1);
  const strength = STEPS.filter((step) => Math.abs(share) >= step).length;
  return strength ? `${share > 0 ? "more" : "less"}${strength}` : "other";
}

/** A tree of the API with what is drawn: `size` is the width in the tree's unit. Compared trees have `base`. */
export function grown(plain) {
  let number = 0;
  let whole = null;
  const make = (node, parent) => {
    const frame = { id: node.id ?? number, name: node.name, value: node.value, self: node.self, parent };
    number += 1;
    if (node.base_value !== undefined) frame.base = node.base_value;
    whole ??= frame;
    frame.size = frame.value + (frame.base ?? 0);
    frame.look = look(frame, whole);
    frame.children = node.children.map((child) => make(child, frame));
    return frame;
  };
  return make(plain, null);
}

/** The frames that are wide enough, callers first: each gets x and width in pixels, and its row below `row`. */
export function placed(root, width, row, thinnest) {
  const found = [];
  const place = (frame, x, depth) => {
    Object.assign(frame, { x, width: (frame.size / (root.size || 1)) * width, row: depth });
    found.push(frame);
    let left = x;
    for (const child of frame.children) {
      const wide = (child.size / (root.size || 1)) * width;
      if (wide >= thinnest) place(child, left, depth + 1);
      left += wide;
    }
  };
  place(root, 0, row);
  return found;
}

/** The callers of a frame, the outermost first. */
export function above(frame) {
  const found = [];
  for (let each = frame.parent; each; each = each.parent) found.unshift(each);
  return found;
}

/** What of the tree is in functions with this text in their names, and in what they called. */
export function matching(root, text) {
  const wanted = text.toLowerCase();
  const sum = (frame) =>
    frame.name.toLowerCase().includes(wanted) ? frame.size : frame.children.reduce((all, child) => all + sum(child), 0);
  return sum(root);
}

/** The frame with this id, or null. */
export function withId(root, id) {
  if (root.id === id) return root;
  for (const child of root.children) {
    const found = withId(child, id);
    if (found) return found;
  }
  return null;
}

const SCALES = {
  nanoseconds: [["ns", 1], ["us", 1e3], ["ms", 1e6], ["s", 1e9], ["mins", 6e10], ["hrs", 3.6e12]],
  microseconds: [["us", 1], ["ms", 1e3], ["s", 1e6]],
  milliseconds: [["ms", 1], ["s", 1e3]],
  bytes: [["B", 1], ["kB", 1024], ["MB", 1048576], ["GB", 1073741824]],
};

/** A value as pprof prints it. */
export function amount(value, unit) {
  const scales = SCALES[unit];
  if (!scales || value === 0) return unit === "count" || value === 0 ? String(value) : `${value}${scales ? "" : unit}`;
  const [name, by] = scales.filter(([, least]) => Math.abs(value) >= least).pop() ?? scales[0];
  return `${Number((value / by).toFixed(2))}${name}`;
}

/** A share in percent. */
export function percent(value, total) {
  return total ? `${((value / total) * 100).toFixed(2)}%` : "";
}
