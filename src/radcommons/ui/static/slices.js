// Steps through the slices of a series without loading the page: arrow keys, mouse wheel and the slider.
// Without this script the same links and the same form do it.
"use strict";

const screen = document.querySelector("[data-slices]");
if (screen) {
  const image = screen.querySelector("img");
  const slider = screen.querySelector("input[type=range]");
  const output = screen.querySelector("output");
  const [before, after] = [screen.querySelector("[data-step='-1']"), screen.querySelector("[data-step='1']")];
  const slices = Array.from(document.querySelectorAll("#slice-sources [data-src]"), (one) => one.dataset.src);
  let shown = Number(slider.value) - 1;
  let wheel = 0;
  const ahead = new Map();

  const fetchAhead = (index) => {
    if (index < 0 || index >= slices.length || ahead.has(index)) return;
    const picture = new Image();
    picture.src = slices[index];
    ahead.set(index, picture);
    if (ahead.size > 64) ahead.delete(ahead.keys().next().value);
  };

  const address = (index) => {
    const url = new URL(window.location.href);
    url.searchParams.set("slice", String(index + 1));
    return url;
  };

  const show = (index) => {
    const next = Math.min(Math.max(index, 0), slices.length - 1);
    if (next === shown) return;
    shown = next;
    image.src = slices[shown];
    image.alt = image.alt.replace(/slice \d+/, `slice ${shown + 1}`);
    slider.value = String(shown + 1);
    output.textContent = `${shown + 1} / ${slices.length}`;
    before.href = address(Math.max(shown - 1, 0));
    after.href = address(Math.min(shown + 1, slices.length - 1));
    before.toggleAttribute("aria-disabled", shown === 0);
    after.toggleAttribute("aria-disabled", shown === slices.length - 1);
    for (const step of [1, 2, 3, -1]) fetchAhead(shown + step);
    for (const link of document.querySelectorAll(".windows a")) {
      const url = new URL(link.href);
      url.searchParams.set("slice", String(shown + 1));
      link.href = url;
    }
    window.history.replaceState(null, "", address(shown));
  };

  screen.querySelector(".go").hidden = true;
  slider.addEventListener("input", () => show(Number(slider.value) - 1));
  for (const link of [before, after]) {
    link.addEventListener("click", (event) => { event.preventDefault(); show(shown + Number(link.dataset.step)); });
  }
  screen.querySelector(".film").addEventListener("wheel", (event) => {
    event.preventDefault();
    wheel += event.deltaY;
    if (Math.abs(wheel) < 24) return;
    show(shown + Math.sign(wheel));
    wheel = 0;
  }, { passive: false });
  document.addEventListener("keydown", (event) => {
    if (event.target instanceof Element && event.target.closest("input, select, textarea")) return;
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(shown + step);
  });
  for (const step of [1, 2, 3]) fetchAhead(shown + step);
}
