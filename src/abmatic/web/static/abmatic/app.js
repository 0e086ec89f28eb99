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

// ---- the focus stays ---------------------------------------------------------------------------------------------

// What has the focus may be gone when a part of the page is replaced. Then the one that is called the same gets it, else
// what the page names for it.
let lost = null;

function calledAs(element) {
  return element.ariaLabel || element.textContent.trim() || element.name || element.id;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const one = document.activeElement;
  const goes = event.detail.shouldSwap && one !== document.body && event.detail.target.contains(one);
  if (goes) lost = { tag: one.tagName, name: calledAs(one) };
});
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const one = document.activeElement;
  if (one !== document.body && event.detail.target.contains(one)) lost = { tag: one.tagName, name: calledAs(one) };
});
// Whoever has gone on elsewhere meanwhile stays there.
for (const act of ["focusin", "pointerdown"]) document.addEventListener(act, () => (lost = null));
document.addEventListener("htmx:afterSettle", () => {
  if (lost && document.activeElement === document.body) {
    const alike = [...document.querySelectorAll(lost.tag)].filter((one) => calledAs(one) === lost.name);
    const next = [...alike, ...document.querySelectorAll("[data-refocus]")].find((one) => one.checkVisibility());
    // Something else than what was pressed may be far off: the page stays where it is.
    next?.focus({ preventScroll: !alike.includes(next) });
  }
  lost = null;
});
// An answer that comes late doesn't take the focus from a field that somebody types in by now.
document.addEventListener("htmx:afterSwap", () => {
  if (!document.activeElement.matches("input, textarea, select")) return;
  for (const one of document.querySelectorAll("[autofocus]")) one.removeAttribute("autofocus");
});

// ---- a list to choose from that comes anew keeps what was chosen from the one before --------------------------------

const chosenFrom = new WeakMap();

document.addEventListener("htmx:beforeSwap", (event) => {
  const list = event.detail.target;
  if (!event.detail.shouldSwap || !list.matches("[data-keep-choice]")) return;
  const chosen = list.querySelector(":checked");
  chosenFrom.set(list, chosen && { chosen, label: chosen.closest("label"), had: chosen === document.activeElement });
});
document.addEventListener("htmx:afterSwap", (event) => {
  const kept = chosenFrom.get(event.detail.target);
  if (!kept) return;
  chosenFrom.delete(event.detail.target);
  const again = event.detail.target.querySelector(`[value="${CSS.escape(kept.chosen.value)}"]`);
  if (again) again.closest("label").replaceWith(kept.label);
  else event.detail.target.prepend(kept.label);
  kept.chosen.checked = true;
  if (kept.had) kept.chosen.focus();
});

// ---- issues: what is asked for anew says which rows are on the page, as many as an address holds ---------------------

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.detail.target?.matches?.("[data-sends-rows]")) return;
  const numbers = (rows) => [...document.querySelectorAll(rows)].slice(0, 200).map((row) => row.dataset.issue).join();
  event.detail.parameters.rows = numbers("[data-issue]");
  event.detail.parameters.tried = numbers("[data-tried]");
});

// ---- tabs: where there is no room for all, the one that is open is in sight ----------------------------------------

for (const here of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = here.closest(".tabs");
  tabs.scrollLeft = here.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;
}

// ---- hints: what is cut short is shown whole on hover ------------------------------------------------------------

document.addEventListener("mouseover", (event) => {
  const cell = event.target.closest?.(".cut");
  if (cell && !cell.title && cell.scrollWidth > cell.clientWidth) cell.title = cell.textContent;
});

// ---- dialogs that other elements open -----------------------------------------------------------------------------

// A double press on what opens something is meant once. The second half of it falls on whatever lies there by then: the
// ground beside the dialog, which would close it again, or one of its buttons.
const OPEN = "dialog[open], :popover-open";
let openBefore = 0;

document.addEventListener("click", (event) => {
  const open = document.querySelectorAll(OPEN).length;
  // How often it was pressed in a row; 0: by a key.
  if (event.detail < 2) openBefore = open;
  else if (open > openBefore) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  // A press beside a dialog closes it.
  else if (event.target.matches?.("dialog.ask[open]")) event.target.close();
});

// ---- the demo's tour: folded it stays folded from page to page, and unfolds when it has news -------------------------

if (sessionStorage.getItem("tour") === "folded") document.querySelector(".tour-fold")?.removeAttribute("open");
document.addEventListener("click", (event) => {
  const fold = event.target.closest?.(".tour-fold > summary")?.parentElement;
  if (fold) sessionStorage.setItem("tour", fold.open ? "folded" : "open");
});

// ---- what is sent once -------------------------------------------------------------------------------------------

// A second press while the answer to the first is on its way is not sent. Forms that the page stays for are free again
// with their answer; others when the page is shown again, as it is after going back.
let sent = new WeakSet();
const waiting = new WeakSet();

document.addEventListener("htmx:beforeSend", (event) => {
  // Forms that ask something while they are filled in can be sent all the same.
  if (event.detail.requestConfig.triggeringEvent?.type === "submit") waiting.add(event.detail.elt);
});
document.addEventListener("htmx:afterRequest", (event) => waiting.delete(event.detail.elt));
document.addEventListener("submit", (event) => {
  if (!waiting.has(event.target)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
document.addEventListener("submit", (event) => {
  // What htmx sends, or what a check of the form held back, isn't sent by the browser. A file leaves the page as it is.
  if (event.defaultPrevented || event.target.method !== "post" || event.submitter?.matches("[data-download]")) return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});
window.addEventListener("pageshow", () => (sent = new WeakSet()));

// ---- keys --------------------------------------------------------------------------------------------------------

// "g" and then a letter goes to a place of the rail; this long it waits for the letter.
const GO_PATIENCE = 1500;
let goingSince = -Infinity;

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const going = event.timeStamp - goingSince < GO_PATIENCE;
  goingSince = -Infinity;
  const place = going && [...document.querySelectorAll("[data-go]")].find((link) => link.dataset.go === event.key);
  if (place) location.assign(place.href);
  else if (event.key === "g") goingSince = event.timeStamp;
  else if (event.key === "/") document.getElementById("search")?.focus();
  else if (event.key === "?") document.getElementById("keys")?.showModal();
  else return;
  event.preventDefault();
});

// Escape leaves a form that stands in the place of what it edits.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) event.target.closest?.("[data-escape]")?.querySelector("[data-cancel]").click();
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
      for (const part of this.$root.querySelectorAll("[data-not]")) {
        part.hidden = part.dataset.not === chosen;
      }
    },
  }));

  /**
   * The builder of a condition: rules and groups of rules, written as JSON into the hidden field at every touch. The
   * server types and judges the values. What it can't show (deeper trees, made elsewhere) is kept as it is.
   */
  Alpine.data("conditions", () => ({
    init() {
      const tree = JSON.parse(this.$root.dataset.filter || "{}");
      const top = this.top();
      const join = "any" in tree ? "any" : "all";
      top.querySelector("[data-join]").value = join;
      const parts = tree[join] ?? (Object.keys(tree).length ? [tree] : []);
      for (const part of parts) this.add(top, part);
      if (!parts.length) this.add(top, null);
    },
    top() {
      return this.$root.querySelector("[data-group]");
    },
    list(group) {
      return group.querySelector("[data-list]");
    },
    made(name) {
      return this.$root.querySelector(`template[${name}]`).content.firstElementChild.cloneNode(true);
    },
    /** Adds a part of the tree to a group; null is a new rule. */
    add(group, part) {
      const inner = part?.all ?? part?.any;
      if (inner && group === this.top() && inner.every((each) => this.isRule(each))) {
        const made = this.made("data-group-template");
        made.querySelector("[data-join]").value = "all" in part ? "all" : "any";
        for (const each of inner) this.addRule(made, each);
        this.list(group).append(made);
      } else if (part && !this.isRule(part)) {
        const made = this.made("data-other");
        made.dataset.kept = JSON.stringify(part);
        made.querySelector("[data-text]").textContent = made.dataset.kept;
        this.list(group).append(made);
      } else {
        this.addRule(group, part);
      }
    },
    isRule(part) {
      const inner = part.not ?? part;
      return "field" in part || ["collection", "state"].some((word) => word in inner);
    },
    addRule(group, part) {
      const made = this.made("data-rule");
      this.list(group).append(made);
      if (part) this.show(made, part);
      this.fit(made);
      return made;
    },
    show(rule, part) {
      const field = rule.querySelector("[data-field]");
      const operator = rule.querySelector("[data-operator]");
      if ("field" in part) {
        field.value = part.field;
      } else {
        const [word, value] = Object.entries(part.not ?? part)[0];
        field.selectedIndex = [...field.options].findIndex((option) => option.dataset.type === word);
        operator.value = "not" in part ? "not" : "is";
        rule.querySelector(`[data-value=${word}]`).value = String(value);
        return;
      }
      const type = this.type(rule);
      operator.selectedIndex = [...operator.options].findIndex(
        (option) => option.value === part.is && option.dataset.types.split(" ").includes(type),
      );
      const value = Array.isArray(part.value) ? part.value.join(", ") : String(part.value ?? "");
      rule.querySelector(`[data-value=${this.control(type, part.is)}]`).value = type === "time" ? value.slice(0, 10) : value;
    },
    type(rule) {
      return rule.querySelector("[data-field]").selectedOptions[0].dataset.type;
    },
    /** Which control takes the value. */
    control(type, operator) {
      if (operator === "within_days" || operator === "in") return "text";
      return { date: "date", time: "date", yesno: "yesno", collection: "collection", state: "state" }[type] ?? "text";
    },
    /** Offers the comparisons that suit the field, and a value only where one is needed. */
    fit(rule) {
      const operator = rule.querySelector("[data-operator]");
      const type = this.type(rule);
      for (const option of operator.options) {
        option.hidden = option.disabled = !option.dataset.types.split(" ").includes(type);
      }
      if (!operator.selectedOptions[0] || operator.selectedOptions[0].disabled) {
        operator.selectedIndex = [...operator.options].findIndex((option) => !option.disabled);
      }
      const wanted = ["empty", "not_empty"].includes(operator.value) ? "" : this.control(type, operator.value);
      for (const control of rule.querySelectorAll("[data-value]")) control.hidden = control.dataset.value !== wanted;
    },
    click(event) {
      const button = event.target.closest("[data-do]");
      if (!button) return;
      if (button.dataset.do === "remove") {
        button.closest("li").remove();
      } else if (button.dataset.do === "rule") {
        this.addRule(button.closest("[data-group]"), null).querySelector("select").focus();
      } else {
        const made = this.made("data-group-template");
        this.list(this.top()).append(made);
        this.addRule(made, null).querySelector("select").focus();
      }
      this.write();
    },
    input(event) {
      const rule = event.target.closest(".rule");
      if (rule && event.target.matches("select")) this.fit(rule);
      this.write();
    },
    read(item) {
      if (item.dataset.kept) return JSON.parse(item.dataset.kept);
      if (item.matches("[data-group]")) return this.readGroup(item);
      const field = item.querySelector("[data-field]");
      const operator = item.querySelector("[data-operator]").value;
      const value = item.querySelector("[data-value]:not([hidden])")?.value.trim();
      const type = this.type(item);
      if (type === "collection" || type === "state") {
        const leaf = { [type]: type === "collection" ? Number(value) : value };
        return operator === "not" ? { not: leaf } : leaf;
      }
      const leaf = { field: field.value, is: operator };
      if (value === undefined) return leaf;
      return value === "" ? null : { ...leaf, value };
    },
    readGroup(group) {
      const parts = [...this.list(group).children].map((item) => this.read(item)).filter(Boolean);
      return parts.length ? { [group.querySelector("[data-join]").value]: parts } : null;
    },
    write() {
      const tree = this.readGroup(this.top());
      this.$root.querySelector("[data-written]").value = tree ? JSON.stringify(tree) : "";
    },
  }));

  /** The form of a collection: a rule belongs to a dynamic one. One that is made already has no choice of kind. */
  Alpine.data("collection", () => ({
    init() {
      this.update();
    },
    update() {
      const kind = this.$root.querySelector("[data-choice]:checked")?.value ?? "dynamic";
      for (const part of this.$root.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== kind;
    },
  }));

  /**
   * Records chosen in a grid. Rows come as it scrolls; with "all" chosen every box is ticked, and those that are then
   * cleared are left out. The form sends one field of numbers however many there are.
   */
  Alpine.data("selection", () => ({
    all: false,
    body: null,
    init() {
      document.addEventListener("htmx:afterSettle", () => this.$root.isConnected && this.update());
      this.update();
    },
    boxes() {
      return [...this.$root.querySelectorAll("[data-pick]")];
    },
    pick() {
      this.update();
    },
    page() {
      this.tick(this.$root.querySelector("[data-pick-page]").checked, false);
    },
    everything() {
      this.tick(true, true);
    },
    nothing() {
      this.tick(false, false);
    },
    tick(ticked, all) {
      this.all = all;
      for (const box of this.boxes()) box.checked = ticked;
      this.update();
    },
    update() {
      const body = this.$root.querySelector("#grid-body");
      // Another search is another list: what was chosen of the one before is forgotten.
      if (body !== this.body) this.all = false;
      this.body = body;
      const boxes = this.boxes();
      for (const box of boxes) {
        // A row that came after "all" was chosen.
        if (this.all && !box.dataset.known) box.checked = true;
        box.dataset.known = "1";
      }
      const ticked = boxes.filter((box) => box.checked).map((box) => box.value);
      const left = boxes.filter((box) => !box.checked).map((box) => box.value);
      this.send("ids", this.all ? "" : ticked.join(","));
      this.send("all", this.all ? "1" : "");
      this.send("except", this.all ? left.join(",") : "");
      const head = this.$root.querySelector("[data-pick-page]");
      if (head) {
        head.checked = boxes.length > 0 && !left.length;
        head.indeterminate = ticked.length > 0 && left.length > 0;
      }
      const bar = this.$root.querySelector("[data-bar]");
      bar.hidden = !this.all && !ticked.length;
      const total = document.getElementById("count")?.textContent ?? "";
      bar.querySelector("[data-many]").textContent = !this.all
        ? `${ticked.length} selected`
        : left.length ? `All but ${left.length} selected` : "All selected";
      bar.querySelector("[data-total]").textContent = /^[\d,]+$/.test(total) ? total : "";
      bar.querySelector("[data-everything]").hidden = this.all;
    },
    send(name, value) {
      this.$root.querySelector(`[data-send=${name}]`).value = value;
    },
  }));

  /** Which columns a grid shows, as one parameter; no more can be chosen than there is room for. */
  /** A file that is given: what is too large is said before it is sent, and sending shows. */
  Alpine.data("upload", () => ({
    look() {
      const file = this.$root.querySelector("input[type=file]").files[0];
      const most = Number(this.$root.dataset.most);
      const problem = this.$root.querySelector("[data-problem]");
      const isLarge = Boolean(file) && file.size > most * 2 ** 20;
      problem.hidden = !isLarge;
      problem.textContent = isLarge ? `The file is larger than ${most} MB. Cut it into several.` : "";
      return !isLarge;
    },
    send(event) {
      if (!this.look()) {
        event.preventDefault();
        return;
      }
      this.$root.querySelector("[data-send]").disabled = true;
      this.$root.querySelector("[data-send-text]").textContent = "Uploading…";
    },
  }));

  Alpine.data("columns", () => ({
    init() {
      this.write();
    },
    write() {
      const boxes = [...this.$root.querySelectorAll("[data-column]")];
      const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
      for (const box of boxes) box.disabled = !box.checked && chosen.length >= 9;
      this.$root.querySelector("[data-written]").value = chosen.join(",");
    },
  }));
});
