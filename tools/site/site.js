// Dark or light: as the system wishes, until the reader chooses. Read before the page is drawn, so that nothing flashes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
try {
  if (localStorage.scheme) root.dataset.scheme = localStorage.scheme;
} catch {} // some browsers keep nothing for pages from disk

addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("scheme");
  const scheme = () => root.dataset.scheme || (dark.matches ? "dark" : "light");
  const other = () => (scheme() === "dark" ? "light" : "dark");
  const label = () => (button.textContent = `Switch to ${other()}`);
  button.addEventListener("click", () => {
    root.dataset.scheme = other();
    try {
      localStorage.scheme = root.dataset.scheme;
    } catch {}
    label();
  });
  dark.addEventListener("change", label);
  button.hidden = false;
  label();

  const contents = document.querySelector("nav.contents details");
  if (contents) contents.open = matchMedia("(min-width: 75rem)").matches; // beside the text, where there is room
  if (matchMedia("(prefers-reduced-motion: reduce)").matches)
    for (const clip of document.querySelectorAll("main .output details")) clip.open = false;
});
