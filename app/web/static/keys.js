// The keyboard on the list of captures: / searches, j and k move, Enter opens (as links do), ? shows the keys.
"use strict";

const keys = document.getElementById("keys");
const search = document.querySelector(".search input[type=search]");
let current = ""; // the id of the chosen row: rows are replaced while the list is followed

function move(by) {
  const rows = [...document.querySelectorAll(".captures > li")];
  const at = rows.findIndex((row) => row.id === current);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.querySelector(".open").focus();
}

document.addEventListener("focusin", (event) => {
  current = event.target.closest(".captures > li")?.id ?? "";
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea") || keys.open) return;
  const act = { "/": () => search?.focus(), j: () => move(1), k: () => move(-1), "?": () => keys.showModal() }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// A list that was looked at again has new rows; the focus goes to the one that had it.
document.addEventListener("htmx:before:swap", () => {
  const had = current;
  document.addEventListener(
    "htmx:after:swap",
    () => document.getElementById(had)?.querySelector(".open").focus({ preventScroll: true }),
    { once: true },
  );
});
