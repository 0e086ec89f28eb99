// The form of an object's settings: chips that follow what is chosen, rules that come and go, lists to search fields in,
// and a question before unsaved changes are left behind. What is allowed is decided by the server.

const settingsForm = () => document.getElementById("settings-form");

/** The form's content as text, to tell whether anything was changed. */
function contentOf(form) {
  const values = [...new FormData(form)].filter(([name]) => !["csrfmiddlewaretoken", "mark"].includes(name));
  return JSON.stringify(values);
}

function direction(intoSalesforce, intoAbmatic) {
  if (intoSalesforce && intoAbmatic) return "Sync both ways";
  if (intoSalesforce) return "Sync into Salesforce";
  return intoAbmatic ? "Sync into Abmatic" : "Not syncing";
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What is reached by Tab isn't left under the bar that stays at the bottom of the window.
document.addEventListener("focusin", (event) => {
  const bar = document.querySelector(".save-bar");
  if (!bar || bar.contains(event.target) || !settingsForm().contains(event.target)) return;
  const under = event.target.getBoundingClientRect().bottom - bar.getBoundingClientRect().top;
  if (under > -8) scrollBy({ top: under + 8, behavior: "instant" });
});

document.addEventListener("alpine:init", () => {
  /** The whole form: what is unsaved is said, and asked about before it is lost. */
  Alpine.data("settings", () => ({
    first: "",
    leaves: false,
    init() {
      // After the parts below have brought themselves in order.
      setTimeout(() => (this.first = this.$root.hasAttribute("data-unsaved") ? "" : contentOf(this.$root)));
      window.addEventListener("beforeunload", (event) => {
        if (!this.leaves && this.isUnsaved()) event.preventDefault();
      });
      document.querySelector("[data-focus]")?.focus();
    },
    isUnsaved() {
      return contentOf(this.$root) !== this.first;
    },
    changed() {
      const unsaved = this.isUnsaved();
      const state = this.$root.querySelector("[data-state]");
      if (!state) return;
      say(state, unsaved ? "Unsaved changes" : "No unsaved changes");
      this.$root.querySelector("[data-discard]").hidden = !unsaved;
      for (const hint of document.querySelectorAll("[data-if-unsaved]")) hint.hidden = !unsaved;
    },
    leaving() {
      this.leaves = true;
    },
    add() {
      document.getElementById("add-mapping").showModal();
    },
  }));

  /** The four boxes, and the chip between them. */
  Alpine.data("directions", () => ({
    box(name) {
      return this.$root.querySelector(`[name=${name}]`);
    },
    update() {
      const on = (...names) => names.some((name) => this.box(name).checked);
      const there = on("create_in_salesforce", "update_in_salesforce");
      say(this.$root.querySelector("[data-direction]"), direction(there, on("create_in_abmatic", "update_in_abmatic")));
      const first = this.$root.querySelector("[data-first-setup]");
      if (first) first.hidden = there || !this.box("create_in_abmatic").checked || !this.box("update_in_abmatic").checked;
    },
    recommend() {
      for (const side of ["salesforce", "abmatic"]) {
        for (const act of ["create", "update"]) this.box(`${act}_in_${side}`).checked = side === "abmatic";
      }
      this.update();
      this.$root.dispatchEvent(new Event("change", { bubbles: true }));
    },
  }));

  /** One mapping: its chip follows its modes. */
  Alpine.data("row", () => ({
    init() {
      this.update();
    },
    update() {
      const into = this.$root.querySelector("[data-in]").checked;
      this.$root.querySelector("[data-mode]").classList.toggle("is-off", !into);
      const out = this.$root.querySelector("[data-out]").value !== "none";
      say(this.$root.querySelector("[data-direction]"), direction(out, into));
    },
    remove() {
      const next = this.$root.nextElementSibling ?? this.$root.previousElementSibling;
      this.$root.remove();
      next?.querySelector("select")?.focus();
      settingsForm().dispatchEvent(new Event("change"));
    },
  }));

  /** The dialog that adds a mapping. */
  Alpine.data("mapping", () => ({
    close() {
      this.$root.close();
    },
    added() {
      this.$root.close();
      settingsForm().dispatchEvent(new Event("change"));
      document.querySelector("#mapping-rows tr:last-child select")?.focus();
    },
    closed() {
      this.$root.querySelector("form").reset();
      for (const value of this.$root.querySelectorAll("[data-value]")) value.value = "";
      this.$root.querySelector("#mapping-refused").replaceChildren();
      offerNewField(this.$root, false);
    },
  }));

  /** A field with a list that is searched on the server: arrows move, Enter chooses, Escape closes the list. */
  Alpine.data("combo", () => ({
    at: -1,
    box() {
      return this.$root.querySelector("[role=combobox]");
    },
    list() {
      return this.$root.querySelector("[role=listbox]");
    },
    init() {
      this.list().addEventListener("htmx:afterSwap", () => this.start());
    },
    options() {
      return [...this.list().querySelectorAll("[role=option]:not([aria-disabled])")];
    },
    start() {
      this.at = -1;
      this.box().removeAttribute("aria-activedescendant");
    },
    show() {
      this.list().hidden = false;
      this.box().setAttribute("aria-expanded", "true");
    },
    hide() {
      this.list().hidden = true;
      this.box().setAttribute("aria-expanded", "false");
      this.start();
    },
    leave(event) {
      if (!this.$root.contains(event.relatedTarget)) this.hide();
    },
    typed() {
      this.$root.querySelector("[data-value]").value = "";
      this.show();
    },
    press(event) {
      // The box keeps the focus.
      event.preventDefault();
      const option = event.target.closest("[role=option]:not([aria-disabled])");
      if (option) this.choose(option);
    },
    move(step) {
      const options = this.options();
      if (!options.length) return;
      options[this.at]?.setAttribute("aria-selected", "false");
      this.at = (this.at + step + options.length) % options.length;
      options[this.at].setAttribute("aria-selected", "true");
      options[this.at].scrollIntoView({ block: "nearest" });
      this.box().setAttribute("aria-activedescendant", options[this.at].id);
    },
    key(event) {
      const open = !this.list().hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        this.show();
        this.move(event.key === "ArrowDown" ? 1 : this.at < 0 ? 0 : -1);
      } else if (event.key === "Escape" && open) {
        this.hide();
      } else if (event.key === "Enter" && open) {
        const option = this.options()[this.at];
        if (option) this.choose(option);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    },
    choose(option) {
      const dialog = this.$root.closest("dialog");
      this.box().value = option.dataset.text;
      this.$root.querySelector("[data-value]").value = option.dataset.value;
      this.hide();
      if (option.dataset.suggest) {
        dialog.dataset.label = option.dataset.text;
        dialog.dataset.type = option.dataset.suggest;
      } else {
        offerNewField(dialog, "new" in option.dataset);
      }
    },
  }));

  /** The push filter: groups of rules. */
  Alpine.data("filter", () => ({
    // Kept, because a button that is taken out of the page has no root any more.
    root: null,
    init() {
      this.root = this.$root;
      for (const rule of this.root.querySelectorAll("[data-rule]")) suit(rule);
      this.number();
      this.root.addEventListener("input", () => this.count());
      this.root.addEventListener("change", (event) => {
        const rule = event.target.closest?.("[data-rule]");
        if (rule) suit(rule);
        this.count();
      });
    },
    groups() {
      return [...this.root.querySelectorAll("[data-group]")];
    },
    number() {
      const groups = this.groups();
      groups.forEach((group, place) => {
        for (const number of group.querySelectorAll("[name=rule-group]")) number.value = String(place);
      });
      this.root.querySelector("[data-joint]").hidden = groups.length < 2;
      const rules = this.root.querySelectorAll("[data-rule]").length;
      const kept = this.root.querySelector("[name=filter-kept]") !== null;
      if (!kept) say(document.querySelector("[data-filters-active]"), `${rules} filter${rules === 1 ? "" : "s"} active`);
      const text = this.root.querySelector("[data-add-text]");
      if (text) say(text, groups.length ? "Add group" : "Add filter");
    },
    count() {
      this.root.querySelector("#filter-count").dispatchEvent(new Event("filter-changed"));
    },
    copy(name) {
      return this.root.querySelector(`[data-${name}-template]`).content.firstElementChild.cloneNode(true);
    },
    put(group) {
      const rule = this.copy("rule");
      group.querySelector("[data-rules]").append(rule);
      suit(rule);
      this.done();
      rule.querySelector("select").focus();
    },
    addGroup() {
      const group = this.copy("group");
      this.root.querySelector("[data-groups]").append(group);
      this.put(group);
    },
    addRule() {
      this.put(this.$el.closest("[data-group]"));
    },
    removeRule() {
      const group = this.$el.closest("[data-group]");
      this.$el.closest("[data-rule]").remove();
      if (!group.querySelector("[data-rule]")) group.remove();
      this.done();
    },
    anew() {
      this.root.querySelector("[name=filter-kept]").remove();
      this.root.querySelector("pre").remove();
      this.$el.remove();
      for (const name of ["groups", "tools"]) this.root.querySelector(`[data-${name}]`).hidden = false;
      this.done();
    },
    done() {
      this.number();
      this.count();
      settingsForm().dispatchEvent(new Event("change"));
    },
  }));
});

/** A rule offers the operators that suit its field, and a value only where one is needed. */
function suit(rule) {
  const operator = rule.querySelector("[data-operator]");
  const type = rule.querySelector("[data-field]").selectedOptions[0]?.dataset.type ?? "text";
  for (const option of operator.options) {
    option.hidden = option.disabled = !option.dataset.types.split(" ").includes(type);
  }
  if (operator.selectedOptions[0]?.disabled) {
    operator.value = [...operator.options].find((option) => !option.disabled).value;
  }
  const value = rule.querySelector("[data-value]");
  value.readOnly = value.hidden = ["empty", "not_empty"].includes(operator.value);
  value.type = type === "date" && operator.value !== "in" ? "date" : "text";
  value.inputMode = ["integer", "number"].includes(type) && operator.value !== "in" ? "decimal" : "text";
  const several = operator.value === "in" ? "several, with commas between" : "";
  value.placeholder = type === "boolean" ? "true or false" : several;
}

function offerNewField(dialog, isNew) {
  const part = dialog.querySelector("[data-new-field]");
  part.hidden = part.disabled = !isNew;
  if (!isNew) return;
  part.querySelector("[name=new_label]").value = dialog.dataset.label ?? "";
  part.querySelector("[name=new_type]").value = dialog.dataset.type ?? "text";
  part.querySelector("[name=new_label]").focus();
}
