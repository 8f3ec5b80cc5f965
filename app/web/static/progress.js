// The progress of a recording moves between two looks at the service. The bar alone knows when it began by our clock.
"use strict";

const offset = new WeakMap(); // of each bar: seconds recorded when it was first seen, and when that was

function move() {
  for (const bar of document.querySelectorAll("progress[data-since]")) {
    if (!offset.has(bar)) offset.set(bar, { recorded: bar.value, seen: performance.now() });
    const { recorded, seen } = offset.get(bar);
    bar.value = Math.min(recorded + (performance.now() - seen) / 1000, bar.max);
  }
}

setInterval(move, 250);
