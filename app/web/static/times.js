// Times in the reader's zone; in UTC when pointed at. Without this script they stay in UTC, and the page says so.
"use strict";

const format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }); // 2026-11-23 22:40:00

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.title = `${time.textContent} UTC`;
    time.textContent = format.format(at);
  }
}

const zone = document.querySelector(".zone");
if (zone) {
  const minutes = -new Date().getTimezoneOffset();
  const part = (n) => String(Math.floor(Math.abs(n))).padStart(2, "0");
  const offset = `UTC${minutes < 0 ? "−" : "+"}${part(minutes / 60)}:${part(minutes % 60)}`;
  zone.textContent = zone.dataset.local.replace("ZONE", offset);
}
localise(document);
document.addEventListener("htmx:after:swap", () => localise(document));
