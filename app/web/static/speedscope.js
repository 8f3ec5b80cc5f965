// Stands in the page of pages/speedscope.py before speedscope itself: tells it which file to open. A sandboxed page has
// no localStorage, and speedscope looks there for the colours of day or night.
(() => {
  const { profile, title } = document.currentScript.dataset;
  Object.defineProperty(window, "localStorage", { value: {} });
  location.hash = `profileURL=${encodeURIComponent(profile)}&title=${encodeURIComponent(title)}`;
})();
