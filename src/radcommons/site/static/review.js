// Keys, drawing and drafts for the review; every page works without them.
"use strict";

const typing = (target) => target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select");

// One key for one element: what is shown on the page and in the help is what the key does.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
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
        if (!(values[2] > 0 && values[3] > 0)) continue;
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        rect.setAttribute("class", "new");
        names.forEach((name, index) => rect.setAttribute(name, values[index]));
        svg.append(rect);
      }
      for (const box of form.querySelectorAll("[name=covers]")) {
        const rect = svg.querySelector(`[data-region="${box.value}"]`);
        if (rect) rect.classList.toggle("off", !box.checked);
      }
    }
  };

  const another = () => {
    const empty = rows().find((one) => fields(one).every((field) => field.value === ""));
    if (empty) return empty;
    const copy = first.cloneNode(true);
    for (const field of fields(copy)) { field.value = ""; delete field.dataset.key; }
    rows().at(-1).after(copy);
    return copy;
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
