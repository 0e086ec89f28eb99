// What pages do in the browser beyond htmx: times in the viewer's zone, search by keyboard, small components.
// Alpine's CSP build evaluates no code in attributes, so every component is named here.

// ---- times -------------------------------------------------------------------------------------------------------

// The person's profile says which, else the browser. A zone that this browser doesn't know is as good as none.
const locale = document.documentElement.dataset.locale || undefined;
const zone = knownZone(document.documentElement.dataset.zone);
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: zone });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long", timeZone: zone });
// Words stay in the language of the page.
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 7]];

function knownZone(name) {
  try {
    return name && new Intl.DateTimeFormat("en", { timeZone: name }) ? name : undefined;
  } catch {
    return undefined;
  }
}

/** "just now", "3 minutes ago" within a week, then the date and time. */
function howLongAgo(time) {
  let amount = (time - Date.now()) / 1000;
  if (Math.abs(amount) < 60) return "just now";
  for (const [unit, next] of UNITS) {
    if (Math.abs(amount) < next) return relative.format(Math.round(amount), unit);
    amount /= next;
  }
  return exact.format(time);
}

function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-show]")) {
    const time = new Date(element.dateTime);
    element.textContent = element.dataset.show === "relative" ? howLongAgo(time) : exact.format(time);
    element.title = full.format(time);
  }
}

showTimes(document);
setInterval(() => showTimes(document), 30_000);
document.addEventListener("htmx:load", (event) => showTimes(event.detail.elt.parentNode || document));

// ---- trouble -----------------------------------------------------------------------------------------------------

// What could not be loaded, by address: one part that loads again must not hide that another still doesn't.
const failing = new Map();

function sayTrouble(event, text) {
  const address = event.detail.pathInfo.requestPath.split("?")[0];
  if (text) failing.set(address, text);
  else failing.delete(address);
  const place = document.getElementById("trouble");
  if (!place) return;
  place.textContent = [...failing.values()].at(-1) ?? "";
  place.hidden = failing.size === 0;
}

document.addEventListener("htmx:sendError", (event) => {
  sayTrouble(event, "Abmatic can’t be reached. Check that it is running; this page tries again.");
});
document.addEventListener("htmx:responseError", (event) => {
  sayTrouble(event, `That didn’t work (error ${event.detail.xhr.status}). Reload the page; the program’s log says more.`);
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400) sayTrouble(event, "");
});

// ---- hints: what is cut short is shown whole on hover ------------------------------------------------------------

document.addEventListener("mouseover", (event) => {
  const cell = event.target.closest?.(".cut");
  if (cell && !cell.title && cell.scrollWidth > cell.clientWidth) cell.title = cell.textContent;
});

// ---- keys --------------------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("search")?.focus();
  }
});

// ---- components --------------------------------------------------------------------------------------------------

document.addEventListener("alpine:init", () => {
  /** Light, dark or as the system has it. */
  Alpine.data("theme", () => ({
    init() {
      this.mark();
    },
    choose() {
      window.abmaticTheme.choose(this.$el.value);
      this.mark();
    },
    mark() {
      for (const radio of this.$root.querySelectorAll("input")) {
        radio.checked = radio.value === window.abmaticTheme.chosen();
      }
    },
  }));

  /** A search box with a list of results under it: arrows move, Enter opens, Escape closes. */
  Alpine.data("search", () => ({
    at: -1,
    options() {
      return [...this.$root.querySelectorAll("[role=option]")];
    },
    box() {
      return this.$root.querySelector("input");
    },
    show() {
      const results = this.$root.querySelector("[role=listbox]");
      this.at = -1;
      this.box().removeAttribute("aria-activedescendant");
      this.box().setAttribute("aria-expanded", String(this.box().value.trim() !== "" && !!results?.children.length));
    },
    hide() {
      this.box().setAttribute("aria-expanded", "false");
    },
    leave(event) {
      if (!this.$root.contains(event.relatedTarget)) this.hide();
    },
    move(step) {
      const options = this.options();
      if (!options.length) return;
      this.show_current(options, (this.at + step + options.length) % options.length);
    },
    show_current(options, index) {
      options[this.at]?.setAttribute("aria-selected", "false");
      this.at = index;
      options[index].setAttribute("aria-selected", "true");
      options[index].scrollIntoView({ block: "nearest" });
      this.box().setAttribute("aria-activedescendant", options[index].id);
      this.box().setAttribute("aria-expanded", "true");
    },
    key(event) {
      if (event.key === "ArrowDown") this.move(1);
      else if (event.key === "ArrowUp") this.move(this.at < 0 ? 0 : -1);
      else if (event.key === "Escape") this.hide();
      else if (event.key === "Enter" && this.at >= 0) location.assign(this.options()[this.at].href);
      else return;
      event.preventDefault();
    },
  }));

  /** Copies the text of the field beside the button. */
  Alpine.data("copy", () => ({
    async copy() {
      const field = this.$root.querySelector("input, code");
      const text = field.value ?? field.textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Without https (other than loopback) there is no clipboard: select it, so that Ctrl+C does.
        field.select?.();
        document.execCommand("copy");
      }
      const said = this.$root.querySelector("[data-copied]");
      said.textContent = "Copied";
      setTimeout(() => (said.textContent = "Copy"), 2000);
    },
  }));

  /** A button that opens the dialog beside it; without JavaScript the form inside the page still works. */
  Alpine.data("ask", () => ({
    open() {
      this.$root.querySelector("dialog").showModal();
      // What takes a while is asked for only when somebody looks.
      this.$root.querySelector("[data-on-open]")?.dispatchEvent(new Event("opened"));
    },
    close() {
      this.$root.querySelector("dialog").close();
    },
    backdrop(event) {
      if (event.target === event.currentTarget) this.close();
    },
  }));

  /** Shows the part of a form that belongs to the chosen kind. */
  Alpine.data("choice", () => ({
    init() {
      this.update();
    },
    update() {
      const chosen = this.$root.querySelector("[data-choice]:checked")?.value;
      for (const part of this.$root.querySelectorAll("[data-for]")) {
        part.hidden = part.dataset.for !== chosen;
      }
    },
  }));

  /** The filter of a grid: offers the operators that suit the field, and a value only where one is needed. */
  Alpine.data("condition", () => ({
    init() {
      this.update();
    },
    update() {
      const field = this.$root.querySelector("[data-field]");
      const operator = this.$root.querySelector("[data-operator]");
      const type = field.selectedOptions[0].dataset.type;
      for (const option of operator.options) {
        option.hidden = option.disabled = !option.dataset.types.split(" ").includes(type);
      }
      if (operator.selectedOptions[0].disabled) {
        operator.value = [...operator.options].find((option) => !option.disabled).value;
      }
      this.$root.querySelector("[data-value]").hidden = ["empty", "filled"].includes(operator.value);
    },
  }));
});
