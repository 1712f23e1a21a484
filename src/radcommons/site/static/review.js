// Keys, drawing and drafts for the review; every page works without them.
"use strict";

const typing = (target) => target instanceof Element && target.closest("input:not([type=checkbox]):not([type=range]), textarea, select");
const ON_SLIDER = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"];

// One key for one element: what is shown on the page and in the help is what the key does.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.target instanceof Element && event.target.matches("input[type=range]") && ON_SLIDER.includes(event.key)) return;
  if (event.key === "?") { event.preventDefault(); help(); return; }
  const name = { ArrowRight: "n", ArrowLeft: "p", ArrowUp: "[", ArrowDown: "]" }[event.key] || event.key;
  if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !document.querySelector(`[data-key="${name}"]`)) return;
  const found = Array.from(document.querySelectorAll("[data-key]")).find((one) => one.dataset.key === name && !one.disabled);
  if (!found) return;
  event.preventDefault();
  if (found.matches("input")) found.focus(); else found.click();
});

const help = () => {
  const dialog = document.createElement("dialog");
  dialog.className = "rv-keys";
  const title = document.createElement("h2");
  title.textContent = "Keys on this page";
  const list = document.createElement("dl");
  for (const one of document.querySelectorAll("[data-key]")) {
    const key = document.createElement("dt");
    key.append(Object.assign(document.createElement("kbd"), { textContent: one.dataset.key }));
    list.append(key, Object.assign(document.createElement("dd"), { textContent: one.dataset.help + (one.disabled ? " (not yet)" : "") }));
  }
  const close = Object.assign(document.createElement("button"), { className: "button", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(title, list, close);
  document.body.append(dialog);
  dialog.showModal();
};

// A click counts once: the second press of a key would answer the next question unseen.
for (const form of document.querySelectorAll("main form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });

// What was typed and not sent outlives a sign-in; it lies in this tab alone, and goes when it is sent.
for (const form of document.querySelectorAll("form[data-draft]")) {
  const note = form.querySelector("[name=note]");
  const name = `draft-${form.dataset.draft}`;
  note.value = note.value || sessionStorage.getItem(name) || "";
  note.addEventListener("input", () => sessionStorage.setItem(name, note.value));
  if (document.querySelector(".flash")) sessionStorage.removeItem(name);
}

// The next study's pictures are fetched while this one is looked at; its page is not, so it does not count as opened.
const ahead = document.querySelector("[data-ahead]");
if (ahead) {
  window.addEventListener("load", () => { new Image().src = `${ahead.dataset.ahead}/after.jpg?frame=1`; });
}

// Slices of a series, frames of an object: stepped through in place, the next ones fetched while one is looked at.
const panes = document.querySelector(".rv-panes");
let frameNow = panes && panes.dataset.unit === "Frame" ? Number(panes.dataset.at) : 1;
let frameChanged = () => {};
const stack = panes && Number(panes.dataset.count) > 1 ? panes : null;
if (stack) {
  const KEPT = 60;
  const { unit, base } = stack.dataset;
  const count = Number(stack.dataset.count);
  const own = Number(stack.dataset.at);
  const slider = document.querySelector(".rv-range");
  const words = document.querySelector("[data-words]");
  const open = document.querySelector("[data-open]");
  const films = Array.from(stack.querySelectorAll(".rv-film")).filter((film) => film.querySelector("img"));
  const shown = new Map();
  let at = own;

  const address = (place, side) => (unit === "Frame" ? `${base}/${side}.jpg?frame=${place}`
    : place === own ? `${base}/${side}.jpg?frame=1` : `${base}/slices/${place}/${side}.jpg`);
  const picture = (place, film) => {
    const key = address(place, film.dataset.side);
    let found = shown.get(key);
    if (!found) {
      found = new Image();
      found.src = key;
      found.addEventListener("error", () => shown.delete(key));
    }
    shown.delete(key);
    shown.set(key, found);
    if (shown.size > KEPT) shown.delete(shown.keys().next().value);
    return found;
  };
  for (const film of films) shown.set(address(own, film.dataset.side), film.querySelector("img"));

  const go = (place) => {
    const to = Math.min(Math.max(place, 1), count);
    if (to === at) return;
    const way = Math.sign(to - at);
    at = to;
    // Both sides change at once, when both pictures are here: never one slice beside another.
    const place_ = at;
    const next = films.map((film) => picture(place_, film));
    stack.setAttribute("aria-busy", "true");
    Promise.allSettled(next.map((one) => one.decode())).then(() => {
      if (at !== place_) return;
      films.forEach((film, index) => {
        const old = film.querySelector("img");
        const one = next[index];
        one.alt = `${unit} ${place_}, ${film.dataset.side}`;
        one.width = old.width; one.height = old.height;
        if (one !== old) old.replaceWith(one);
        film.querySelector("svg").classList.toggle("away", unit === "Slice" && place_ !== own);
      });
      stack.removeAttribute("aria-busy");
      if (unit === "Frame") { frameNow = place_; frameChanged(); }
    });
    for (const step of [1, 2, 3]) {
      const ahead = at + way * step;
      if (ahead >= 1 && ahead <= count) for (const film of films) picture(ahead, film);
    }
    words.textContent = `${unit} ${at} of ${count}`;
    slider.value = String(at);
    for (const one of document.querySelectorAll("[data-step]")) one.classList.toggle("off", at + Number(one.dataset.step) < 1 || at + Number(one.dataset.step) > count);
    if (open) { open.hidden = at === own; open.href = `${base}/slices/${at}`; }
  };

  slider.hidden = false;
  slider.addEventListener("input", () => go(Number(slider.value)));
  for (const one of document.querySelectorAll("[data-step]")) {
    one.addEventListener("click", (event) => { event.preventDefault(); go(at + Number(one.dataset.step)); });
  }
  document.addEventListener("keydown", (event) => {
    const step = { PageUp: -10, PageDown: 10 }[event.key];
    if (!step || event.defaultPrevented || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.matches("input[type=range]")) return;
    event.preventDefault();
    go(at + step);
  });
  let turned = 0;
  for (const film of films) {
    film.addEventListener("wheel", (event) => {
      if (event.ctrlKey) return;
      event.preventDefault();
      turned += event.deltaMode === 0 ? event.deltaY / 40 : event.deltaY;
      const steps = Math.trunc(turned);
      if (steps) { turned -= steps; go(at + Math.sign(steps) * Math.min(Math.abs(steps), 3)); }
    }, { passive: false });
  }
}

const zoom = document.querySelector("[data-zoom]");
if (zoom) {
  zoom.hidden = false;
  zoom.addEventListener("click", () => document.querySelector(".rv-panes").classList.toggle("large"));
}

const form = document.querySelector("#regions-form");
if (form) {
  const first = form.querySelector(".rv-new");
  const films = Array.from(document.querySelectorAll(".rv-film")).filter((film) => film.querySelector("svg"));
  const names = ["x", "y", "width", "height"];
  const fields = (row) => names.map((name) => row.querySelector(`[name=${name}]`));
  const rows = () => Array.from(form.querySelectorAll(".rv-new"));
  document.querySelector("#drag-hint").hidden = films.length === 0;
  let row = first;

  const draw = () => {
    for (const film of films) {
      const svg = film.querySelector("svg");
      for (const old of svg.querySelectorAll(".new")) old.remove();
      for (const one of rows()) {
        const values = fields(one).map((field) => Number(field.value));
        if (Number(one.querySelector("[name=at_frame]").value) !== frameNow) continue;
        if (!(values[2] > 0 && values[3] > 0)) continue;
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        rect.setAttribute("class", "new");
        names.forEach((name, index) => rect.setAttribute(name, values[index]));
        svg.append(rect);
      }
      for (const rect of svg.querySelectorAll("[data-frame]")) {
        if (Number(rect.dataset.frame) === frameNow) rect.removeAttribute("display"); else rect.setAttribute("display", "none");
      }
      for (const box of form.querySelectorAll("[name=covers]")) {
        const rect = svg.querySelector(`[data-region="${box.value}"]`);
        if (rect) rect.classList.toggle("off", !box.checked);
      }
    }
  };

  const another = () => {
    const empty = rows().find((one) => fields(one).every((field) => field.value === ""));
    if (empty) { empty.querySelector("[name=at_frame]").value = String(frameNow); return empty; }
    const copy = first.cloneNode(true);
    for (const field of fields(copy)) { field.value = ""; delete field.dataset.key; }
    copy.querySelector("[name=at_frame]").value = String(frameNow);
    rows().at(-1).after(copy);
    return copy;
  };

  frameChanged = () => {
    for (const one of rows()) {
      if (fields(one).every((field) => field.value === "")) one.querySelector("[name=at_frame]").value = String(frameNow);
    }
    draw();
  };
  form.addEventListener("input", draw);
  form.addEventListener("keydown", (event) => {
    const at = names.indexOf(event.target.name);
    const step = { ArrowLeft: [0, -4], ArrowRight: [0, 4], ArrowUp: [1, -4], ArrowDown: [1, 4] }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const field = fields(event.target.closest(".rv-new"))[at < 2 ? step[0] : step[0] + 2];
    field.value = String(Math.max(0, Number(field.value || 0) + step[1]));
    draw();
  });

  for (const film of films) {
    const svg = film.querySelector("svg");
    film.classList.add("draws");
    let from = null;
    const at = (event) => {
      const seen = svg.getBoundingClientRect();
      const view = svg.viewBox.baseVal;
      const limit = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
      return [
        limit((event.clientX - seen.left) / seen.width * view.width, view.width),
        limit((event.clientY - seen.top) / seen.height * view.height, view.height),
      ];
    };
    const size = (event) => {
      const to = at(event);
      const values = [0, 1].map((axis) => Math.min(from[axis], to[axis]));
      values.push(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]));
      fields(row).forEach((field, index) => { field.value = String(values[index]); });
      draw();
    };
    svg.addEventListener("pointerdown", (event) => {
      from = at(event);
      row = another();
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => { if (from) size(event); });
    svg.addEventListener("pointerup", (event) => {
      size(event);
      from = null;
      if (fields(row).slice(2).some((field) => Number(field.value) < 3)) for (const field of fields(row)) field.value = "";
      draw();
    });
  }
  draw();
}
