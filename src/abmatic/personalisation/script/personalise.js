/*
 * The part of Abmatic's script that personalises: loaded by the tracking script where the site has experiences running.
 * It asks what this visitor sees, changes texts, links, images and attributes, and shows banners. Nothing that it is told
 * becomes HTML, style or code: texts are set as texts, addresses and attributes are checked against lists, and elements
 * that hold code are left alone. See docs/personalisation.md.
 *
 * From the tracking script (window.abmatic.inner):
 *   url      where to ask                        ask()    what is sent: the visitor and the page
 *   shown    [[id, pages, selectors], …] of the experiences that are meant for this page, in the order of their ids
 *   until    the moment up to which an answer counts; show() makes what is hidden visible
 *   preview  the token of a preview link         add()    tells an event
 *   go       what is called when the page or consent changes        isFresh()  whether an experience is to be asked for
 */
(function (w, d) {
  "use strict";
  var inner = w.abmatic && w.abmatic.inner;
  if (!inner || inner.go) return;

  var ATTRIBUTES = /^(alt|aria-label|placeholder|title)$/;
  // What changes set, and what selectors mostly look at.
  var WATCHED = ["alt", "aria-label", "placeholder", "title", "href", "src", "srcset", "class", "id"];
  // Elements that hold code, style or other pages; and those that a whole page hangs on.
  var NEVER = /^(script|style|template|noscript|i?frame|object|embed|base|link|meta|title|textarea|head|html|body)$/i;
  // Links that scripts of pages take for something else: what they lead to is loaded as HTML, or asked for as a selector.
  var DRIVEN = /^(hx-|data-(hx-|bs-|remote$|method$|toggle$))/i;
  var HTML = /[<>"]/; // there are scripts that show titles and addresses as HTML
  var PRYING = /\[\s*([\w*-]*\|)?\s*(value|content)(?![\w-])|:has\(/i; // selectors that tell what is typed
  var CODE = /\{\{|\}\}|\[\[|\$\{|<%|\{%/;
  var AGAIN = 20; // times that an element is changed again after the page's own code has changed it back

  var decided = {}; // by experience: {variant, changes}; {} while it is asked, or where nobody is to see anything
  var applied = []; // {id, element, name, before, value, times}, one of an element and a name
  var closed = {}; // banners that the visitor has closed
  var told = {}; // impressions on this page
  var path = "";
  var watcher = null;
  var open = []; // {until} of the requests that are under way

  // ---- what may be changed, and how

  function leadsTo(value, schemes) {
    try { return schemes.test(new URL(value, d.baseURI).protocol) && isPlain(value); } catch (bad) { return false; }
  }

  function isPlain(value) { return isText(value) && !HTML.test(value); }

  function isText(value) { return typeof value === "string" && !CODE.test(value); }

  // [element, name of what is set, value] of all that a change means; nothing where it may not be.
  function pieces(change) {
    var found = [];
    elements(change.selector).forEach(function (element) {
      var tag = element.tagName;
      if (NEVER.test(tag)) return;
      if (change.kind === "text" && isText(change.value)) found.push([element, "", change.value]);
      if (change.kind === "attribute" && ATTRIBUTES.test(change.attribute) && isPlain(change.value)) {
        found.push([element, change.attribute, change.value]);
      }
      if (change.kind === "link" && /^(A|AREA)$/.test(tag) && !isDriven(element) && leadsTo(change.value, /^(https?|mailto|tel):$/)) {
        found.push([element, "href", change.value]);
      }
      if (change.kind === "image" && tag === "IMG" && leadsTo(change.value, /^https?:$/)) {
        found.push([element, "src", change.value]);
        // These would be shown instead.
        if (element.hasAttribute("srcset")) found.push([element, "srcset", change.value]);
        if (element.parentNode.tagName === "PICTURE") {
          [].forEach.call(element.parentNode.querySelectorAll("source"), function (source) {
            found.push([source, "srcset", change.value]);
          });
        }
      }
    });
    return found;
  }

  function isDriven(element) {
    return element.getAttributeNames().some(function (name) { return DRIVEN.test(name); });
  }

  function elements(selector) {
    if (PRYING.test(selector)) return [];
    try { return [].slice.call(d.querySelectorAll(selector)); } catch (bad) { return []; }
  }

  function now(element, name) { return name ? element.getAttribute(name) : element.textContent; }

  function write(element, name, value) {
    var only = element.firstChild;
    if (name) element.setAttribute(name, value);
    // The text's own node stays: frameworks hold on to it.
    else if (only && only.nodeType === 3 && !only.nextSibling) only.data = value;
    else element.textContent = value;
  }

  // Whether it is there.
  function put(id, element, name, value) {
    var is = now(element, name);
    var known = applied.filter(function (each) { return each.element === element && each.name === name; })[0];
    if (known) known.id = id;
    if (is === value) return true;
    if (!known) applied.push(known = { element: element, name: name, id: id, times: 0 });
    else if (known.times++ > AGAIN) return false;
    // What another experience has put there is not what the page had.
    if (is !== known.value) known.before = name || !element.firstElementChild ? is : [].slice.call(element.childNodes);
    known.value = value;
    write(element, name, value);
    return true;
  }

  function restore(each) {
    // What the page's own code has changed since stays.
    if (now(each.element, each.name) !== each.value) return;
    if (each.before === null) each.element.removeAttribute(each.name);
    else if (typeof each.before === "string") write(each.element, each.name, each.before);
    else each.element.replaceChildren.apply(each.element, each.before);
  }

  function nameOfBanner(id) { return "abmatic-banner-" + id; }

  // Whether it is there.
  function banner(id, change) {
    if (d.getElementById(nameOfBanner(id))) return true;
    if (closed[id] || !d.body || d.readyState === "loading" || !isText(change.value)) return false;
    var isTop = change.position !== "bottom";
    var box = d.createElement("aside");
    var isLink = change.link && leadsTo(change.link, /^(https?|mailto|tel):$/);
    var text = d.createElement(isLink ? "a" : "span");
    var close = d.createElement("button");
    box.id = nameOfBanner(id);
    if (isLink) text.href = change.link;
    text.textContent = change.value;
    close.textContent = "×";
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.onclick = function () { closed[id] = true; box.remove(); };
    // Set one by one: policies that forbid style attributes allow this.
    style(box, { position: isTop ? "relative" : "fixed", left: "0", right: "0", bottom: isTop ? "auto" : "0",
      zIndex: "2147483000", display: "flex", gap: "1rem", alignItems: "center", justifyContent: "center",
      padding: ".75rem 1rem", background: "#1f2937", color: "#fff", font: "16px/1.4 system-ui, sans-serif" });
    style(text, { color: "#fff", textDecoration: isLink ? "underline" : "none" });
    style(close, { background: "transparent", color: "#fff", border: "0", font: "inherit", cursor: "pointer",
      padding: ".25rem .5rem" });
    box.append(text, close);
    d.body.insertBefore(box, isTop ? d.body.firstChild : null);
    return true;
  }

  function style(element, values) {
    Object.keys(values).forEach(function (name) { element.style[name] = values[name]; });
  }

  // ---- showing

  function apply() {
    var taken = new Map(); // by element, the names that an earlier change sets: of the same, the first one's holds
    function isFree(element, name) {
      var names = taken.get(element) || [];
      taken.set(element, names.concat(name));
      return names.indexOf(name) < 0;
    }
    inner.shown.forEach(function (each) {
      var id = each[0];
      var what = decided[id];
      if (!what || !what.changes) return;
      var isSeen = false;
      what.changes.forEach(function (change) {
        if (change.kind === "banner") isSeen = banner(id, change) || isSeen;
        else pieces(change).forEach(function (piece) {
          if (isFree(piece[0], piece[1])) isSeen = put(id, piece[0], piece[1], piece[2]) || isSeen;
        });
      });
      // Seen by the control group is what would have been changed; of a banner, that it would have been there.
      if (!what.changes.length) {
        isSeen = !each[2].length || each[2].some(function (one) { return elements(one).length; });
      }
      if (isSeen && !told[id]) {
        told[id] = true;
        // Once the script has noted the page that it belongs to.
        setTimeout(function () { tell("impression", id, what.variant); }, 0);
      }
    });
  }

  function tell(kind, id, variant) { inner.add(kind, { experience: id, variant: variant }); }

  function click(event) {
    var target = event.target;
    if (!target || !target.closest) return;
    inner.shown.forEach(function (each) {
      var what = decided[each[0]];
      if (!what || !what.changes || !told[each[0]]) return;
      var isOurs = target.closest("#" + nameOfBanner(each[0]) + " a") || each[2].some(function (selector) {
        try { return target.closest(selector); } catch (bad) { return false; }
      });
      // At once: the click may lead away.
      if (isOurs) tell("personalised_click", each[0], what.variant);
    });
  }

  function watch() {
    if (watcher) return;
    // Before the browser paints what the page's own code has put there.
    watcher = new MutationObserver(safe(apply));
    watcher.observe(d.documentElement, {
      childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: WATCHED
    });
    d.addEventListener("DOMContentLoaded", safe(apply));
    d.addEventListener("click", safe(click), true);
  }

  // ---- asking

  function ask(body, ids) {
    var own = { until: inner.preview ? Infinity : inner.until };
    open.push(own);
    ids.forEach(function (id) { decided[id] = { path: location.pathname }; });
    fetch(inner.url, { method: "POST", body: JSON.stringify(body), credentials: "omit", mode: "cors", keepalive: true })
      .then(function (response) { return response.ok ? response.json() : { experiences: [] }; })
      .then(safe(function (answer) {
        // Too late: the original has been seen, and stays.
        if (Date.now() > own.until) return;
        if (inner.preview && !answer.experiences.length) {
          console.warn("abmatic: this preview link shows nothing (any more): it is of another site, or older than a week");
        }
        if (inner.preview) inner.shown = answer.experiences.map(function (each) { return [each.id, "", []]; });
        ids.forEach(function (id) { decided[id] = { isDone: true }; });
        answer.experiences.forEach(function (each) { decided[each.id] = each; });
        apply();
        watch();
      }))
      .catch(function () {})
      .then(function () {
        open = open.filter(function (each) { return each !== own && Date.now() < each.until; });
        // What another one is waited for is hidden too.
        if (!open.length) inner.show();
      });
  }

  function go() {
    if (path !== location.pathname) {
      path = location.pathname;
      told = {};
    }
    if (inner.preview) {
      if (!watcher) ask({ preview: inner.preview }, []);
      else apply();
      return;
    }
    var here = inner.shown.map(function (each) { return each[0]; });
    applied = applied.filter(function (each) {
      if (here.indexOf(each.id) >= 0) return true;
      restore(each);
      return false;
    });
    Object.keys(decided).forEach(function (id) {
      var box = d.getElementById(nameOfBanner(id));
      if (box && here.indexOf(+id) < 0) box.remove();
    });
    var ids = here.filter(inner.isFresh);
    if (ids.length) ask(inner.ask(ids), ids);
    if (watcher) apply();
  }

  // Not decided yet; what had no answer in time is asked again on another page.
  inner.isFresh = function (id) {
    var what = decided[id];
    return !what || !(what.changes || what.isDone || what.path === location.pathname);
  };

  // Nothing of ours may break the page.
  function safe(act) {
    return function (given) {
      try { return act(given); } catch (error) {
        if (w.console) console.warn("abmatic: " + error.message);
      }
    };
  }

  inner.go = safe(go);
  inner.go();
})(window, document);
