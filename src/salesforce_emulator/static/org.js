// Comfort for the org's forms: names are suggested for references, and problems are brought to the reader.
// Everything works without it: a reference's name is looked up by the server too.
"use strict";

const WAIT = 150;

function suggest(box, number) {
  const input = box.querySelector("input:not([type=hidden])");
  const hidden = box.querySelector("input[type=hidden]");
  const list = document.createElement("ul");
  list.id = `suggestions-${number}`;
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  box.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) input.setAttribute(name, value);
  let timer, asked = 0, active = -1;

  const close = () => {
    asked += 1;
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (option) => {
    hidden.value = option.dataset.id;
    input.value = option.dataset.name;
    close();
  };
  const mark = (index) => {
    const options = [...list.querySelectorAll("[data-id]")];
    active = options.length ? (index + options.length) % options.length : -1;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
    if (active >= 0) {
      input.setAttribute("aria-activedescendant", options[active].id);
      options[active].scrollIntoView({ block: "nearest" });
    }
  };
  const show = (found) => {
    list.replaceChildren(...found.map((one, place) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.id = one.id;
      option.dataset.name = one.name;
      const name = document.createElement("bdi"), hint = document.createElement("span");
      name.textContent = one.name;
      hint.textContent = one.hint;
      option.append(name, hint);
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(option); });
      return option;
    }));
    active = -1;
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(Boolean(found.length)));
  };
  input.addEventListener("input", () => {
    hidden.value = "";
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = (asked += 1);
      const text = input.value.trim();
      if (!text) return close();
      const answer = await fetch(`/pick?${new URLSearchParams({ of: box.dataset.of, q: text })}`);
      const found = answer.ok ? await answer.json() : [];
      if (mine === asked && document.activeElement === input) show(found);
    }, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") mark(active + 1);
    else if (event.key === "ArrowUp") mark(active < 0 ? -1 : active - 1);
    else if (event.key === "Enter" && active >= 0) choose(list.querySelectorAll("[data-id]")[active]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", close);
}

document.querySelectorAll(".pick").forEach(suggest);

// Somebody who picks an existing account or contact doesn't want a new one as well.
document.querySelectorAll(".choice .pick input").forEach((input) => {
  input.addEventListener("input", () => {
    const existing = input.closest(".choice").querySelector("input[type=radio][value=existing]");
    if (existing) existing.checked = true;
  });
});
document.querySelectorAll("[data-choose]").forEach((button) => {
  button.addEventListener("click", () => {
    const input = document.getElementById(button.dataset.choose);
    input.value = button.dataset.name;
    input.closest(".pick").querySelector("input[type=hidden]").value = button.dataset.id;
    button.closest(".choice").querySelector("input[type=radio][value=existing]").checked = true;
  });
});

// A merge's values are proposed from the record that stays, where it has one.
document.querySelectorAll("input[name=master]").forEach((master) => {
  master.addEventListener("change", () => {
    document.querySelectorAll(`input[name^="field."][value="${CSS.escape(master.value)}"]`).forEach((value) => {
      if (!value.closest("td").querySelector(".none")) value.checked = true;
    });
  });
});

// A problem's field may be folded away.
document.querySelectorAll("#problems a[href^='#']").forEach((link) => {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.getAttribute("href").slice(1));
    if (!field) return;
    event.preventDefault();
    field.closest("details")?.setAttribute("open", "");
    field.focus();
  });
});
document.getElementById("problems")?.focus();
