// The page of one capture: asks before it changes something, copies lines, follows a recording, links table and graph.

import { copy } from "./copy.js";

const POLL = 2000; // milliseconds between two looks at a capture that has not ended

// --- questions: without script each link leads to a page that asks ---

const dialog = document.querySelector("dialog.ask");
document.addEventListener("click", (event) => {
  const act = event.target.closest("a.act");
  if (!act || !dialog || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  dialog.querySelector("form").action = act.href;
  dialog.querySelector("p").textContent = act.dataset.question;
  dialog.querySelector(".yes").textContent = act.textContent;
  dialog.showModal();
});
dialog?.querySelector(".no").addEventListener("click", () => dialog.close());

// --- lines to copy ---

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button.parentElement.querySelector(".line").textContent, button));
}

// --- a recording: seconds count down here, and the page changes without a reload ---

const live = () => document.querySelector("#live[data-busy]");

async function look() {
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("#live");
    if (now && !("busy" in now.dataset)) location.reload();
    else for (const part of ["#live", "table.timeline", "nav.acts"]) {
      const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
      if (old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceWith(document.adoptNode(fresh));
    }
  } catch {
    // the service may be restarting
  }
}

if (live()) {
  setInterval(() => live() && !document.hidden && !dialog.open && look(), POLL);
  setInterval(() => {
    const left = document.querySelector("[data-left]");
    if (left) left.textContent = Math.max(Number(left.textContent) - 1, 0);
  }, 1000);
}

// --- the table of functions and the flame graph point at each other ---

const say = (what, detail) => document.dispatchEvent(new CustomEvent(what, { detail }));
const named = document.querySelectorAll("[data-function]");
for (const each of named) {
  const name = each.dataset.function;
  const row = each.closest("tr") ?? each;
  row.addEventListener("mouseenter", () => say("function-pointed-at", name));
  row.addEventListener("mouseleave", () => say("function-pointed-at", ""));
  if (each.tagName === "CODE") Object.assign(each, { tabIndex: 0, role: "button" });
  each.addEventListener("click", () => say("function-chosen", name));
  each.addEventListener("keydown", (event) => event.key === "Enter" && event.target === each && each.tagName === "CODE" && say("function-chosen", name));
}
document.addEventListener("function-shown", (event) => {
  for (const each of named) each.closest("tr")?.classList.toggle("pointed", each.dataset.function === event.detail.name);
});
