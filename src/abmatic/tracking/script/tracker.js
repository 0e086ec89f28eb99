/*
 * Abmatic's tracking script. Runs in the pages of a site, depends on nothing, stores nothing but one cookie (in
 * identified mode) and the visitor's answer about consent. See docs/tracking.md.
 *
 * __SETTINGS__ is replaced by the site's settings when the file is served:
 *   site     public id                   base     address of the collector, if the script's own is unknown
 *   cookies  true in identified mode     days     life of the cookie
 *   consent  true: wait for consent      gpc, dnt whether these signals of the browser stop it
 *   forms    true: follow submissions    fields   names of fields whose values may be sent
 *   shows    what is personalised: [id, patterns of paths, selectors of the elements] each
 *   wait     milliseconds for which these elements are hidden at most
 *   part     the file that personalises, see docs/personalisation.md
 */
(function (w, d, n) {
  "use strict";
  var settings = __SETTINGS__;
  if (w.abmatic && w.abmatic.loaded) return;

  var COOKIE = "_abmatic";
  var CONSENT = "_abmatic_consent";
  var BATCH = 20; // events in one request, the collector's limit
  var BYTES = 7500; // of a request's 8 KB
  var KEPT = 200; // events waiting for a collector that can't be reached; the oldest go first
  var PAUSE = 1000; // milliseconds in which events gather
  var TRIES = 10; // in a row that fail, the pauses between them doubling; then only the next page or connection
  var FILES = /\.(pdf|docx?|xlsx?|pptx?|csv|zip|gz|dmg|exe|msi|mp[34]|mov|avi|epub|pkg|apk|txt)$/i;
  // What browsers are told to fill in, by the names that values are kept under.
  var FILLED = {
    "given-name": "first_name", "family-name": "last_name", "organization": "company",
    "organization-title": "job_title", "tel": "phone", "country-name": "country", "name": "name", "email": "email"
  };

  var script = d.currentScript && d.currentScript.src;
  var collector = new URL("/collect/" + settings.site, script || settings.base).href;
  var early = w.abmatic;
  var queue = [];
  var failures = 0;
  var timer = 0;
  var isSending = false;
  var visitor = "";
  var page = null; // {id, url, depth, marks, visible: seconds told of, since: when it was last seen}
  var answer = stored(CONSENT);
  // Whoever looks at a preview of what is personalised is no visitor: nothing is told.
  var preview = (/[?&]abmatic_preview=([\w:.-]+)/.exec(location.search) || [])[1];
  var sheet = null;
  var hiding = 0; // the timer that ends it
  var place = ""; // the path that inner.until is of
  var made = 0; // ids, in the millisecond
  var madeAt = 0;

  // ---- whether anything may leave the page

  function isRefused() {
    var gpc = n.globalPrivacyControl === true;
    var dnt = n.doNotTrack === "1" || w.doNotTrack === "1";
    return (settings.gpc && gpc) || (settings.dnt && dnt) || answer === "denied" || (settings.consent && answer !== "granted");
  }

  function isAllowed() { return !preview && !isRefused(); }

  function stored(name) {
    try { return w.localStorage.getItem(name); } catch (blocked) { return null; }
  }

  function consent(given) {
    if (given !== "granted" && given !== "denied") throw new TypeError("abmatic.consent: say 'granted' or 'denied'");
    var was = isAllowed();
    answer = given;
    try { w.localStorage.setItem(CONSENT, given); } catch (blocked) { /* remembered for this page */ }
    if (given === "denied") {
      queue = [];
      clearTimeout(timer);
      timer = 0;
      page = null;
      visitor = "";
      if (read(COOKIE)) domains().forEach(function (domain) { write(COOKIE, "", domain, 0); });
    } else if (!was && isAllowed()) view();
    personalise();
  }

  // ---- who it is

  function read(name) {
    var found = ("; " + d.cookie).split("; " + name + "=");
    return found.length > 1 ? found.pop().split(";")[0] : "";
  }

  function write(name, value, domain, seconds) {
    d.cookie = name + "=" + value + "; path=/; max-age=" + seconds + "; samesite=lax" +
      (domain ? "; domain=" + domain : "") + (location.protocol === "https:" ? "; secure" : "");
  }

  // From the widest that a browser may take to the host alone.
  function domains() {
    var parts = location.hostname.split(".");
    var found = [];
    for (var at = parts.length - 2; at >= 0; at--) found.push(parts.slice(at).join("."));
    return /^[\d.]+$|:/.test(location.hostname) ? [""] : found.concat("");
  }

  function whoever() {
    if (!settings.cookies) return null;
    visitor = visitor || read(COOKIE);
    if (!/^[\w-]{20,64}$/.test(visitor)) {
      visitor = uuid();
      // Its life is not prolonged by later visits.
      domains().some(function (domain) {
        write(COOKIE, visitor, domain, settings.days * 86400);
        return read(COOKIE) === visitor;
      });
    }
    return visitor;
  }

  // RFC 9562, 5.7 and 6.2: 48 bits of milliseconds, 12 that count within one, then chance.
  function uuid() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    var now = Date.now();
    made = now === madeAt ? made + 1 : bytes[7];
    madeAt = now;
    for (var at = 5; at >= 0; at--) {
      bytes[at] = now % 256;
      now = Math.floor(now / 256);
    }
    bytes[6] = (made >> 8 & 15) | 112;
    bytes[7] = made & 255;
    bytes[8] = (bytes[8] & 63) | 128;
    var hex = "";
    bytes.forEach(function (byte) { hex += (byte + 256).toString(16).slice(1); });
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  // ---- sending

  function add(kind, properties) {
    if (!isAllowed()) return null;
    var event = { id: uuid(), kind: kind, url: cut(page ? page.url : location.href, 2000) };
    if (kind === "page") {
      event.title = cut(d.title, 300);
      event.referrer = cut(page && page.from || "", 2000);
    } else if (page) event.page = page.id;
    if (properties) event.properties = properties;
    queue.push(event);
    if (queue.length > KEPT) queue.shift();
    if (!timer && !failures) later(PAUSE);
    return event.id;
  }

  function later(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(send, milliseconds);
  }

  // The events that fit into one request, and its body.
  function next() {
    var events = [];
    var body = "";
    while (events.length < Math.min(BATCH, queue.length)) {
      var more = JSON.stringify({ visitor: whoever(), events: queue.slice(0, events.length + 1) });
      // More bytes than letters, where letters are not ASCII.
      if (events.length && new Blob([more]).size > BYTES) break;
      events.push(queue[events.length]);
      body = more;
    }
    return { events: events, body: body };
  }

  function done(events) {
    queue = queue.filter(function (event) { return events.indexOf(event) < 0; });
  }

  function post(body) {
    // As text, so that no browser asks beforehand whether it may.
    return fetch(collector, { method: "POST", body: body, keepalive: true, credentials: "omit", mode: "cors" });
  }

  function send() {
    timer = 0;
    if (isSending || !queue.length || !isAllowed()) return;
    var batch = next();
    isSending = true;
    post(batch.body).then(function (response) {
      if (response.status >= 500) throw response;
      failures = 0;
      // Refused is refused: what is sent again is refused again.
      done(batch.events);
      safe(tidy)();
    }).catch(function () { failures++; }).then(function () {
      isSending = false;
      if (queue.length && failures < TRIES) later(failures ? Math.min(60000, PAUSE * Math.pow(2, failures)) : 0);
    });
  }

  // Everything that is left, also what is on its way: the collector keeps an event once.
  function sendOnLeaving() {
    while (queue.length && isAllowed()) {
      var batch = next();
      if (!(n.sendBeacon && n.sendBeacon(collector, batch.body))) post(batch.body).catch(function () {});
      done(batch.events);
    }
  }

  // The token of a link that was sent to one person, once it is told: who copies the address doesn't pass it on.
  function tidy() {
    var before = location.href;
    var after = before.replace(/([?&])ab=\d+\.\d+\.[\w-]+(&?)/, function (all, first, last) { return last && first; });
    if (after === before) return;
    replace.call(history, history.state, "", after);
    if (page && page.url === before) page.url = after;
  }

  // ---- pages, and how long they are seen

  function view(from) {
    if (!isAllowed()) return;
    page = { url: location.href, from: from || d.referrer, depth: 0, marks: 0, visible: 0, since: seen() };
    page.id = add("page");
    look();
  }

  function seen() {
    return d.visibilityState === "visible" ? Date.now() : 0;
  }

  function leave() {
    if (!page) return;
    if (page.since) page.visible += Date.now() - page.since;
    page.since = seen();
    var seconds = Math.round(page.visible / 100) / 10;
    if (seconds < 0.1) return;
    // Seconds since the last leave: a page that is left and looked at again has several.
    page.visible = 0;
    add("leave", { seconds: Math.min(seconds, 86400), depth: page.depth });
  }

  function move(isNew) {
    if (!page) return;
    var before = new URL(page.url);
    var isSame = before.pathname === location.pathname && (!isNew || before.search === location.search);
    if (isSame) return;
    leave();
    view(page.url);
  }

  var replace = history.replaceState;
  ["pushState", "replaceState"].forEach(function (name) {
    var original = history[name];
    history[name] = function () {
      var result = original.apply(this, arguments);
      // The page's own code sets the title after this.
      setTimeout(safe(function () { move(name === "pushState"); }), 0);
      safe(personalise)(true);
      return result;
    };
  });

  function look() {
    if (!page) return;
    var root = d.documentElement;
    var height = Math.max(root.scrollHeight, 1);
    var depth = Math.min(100, Math.round(100 * (w.scrollY + w.innerHeight) / height));
    page.depth = Math.max(page.depth, depth);
    // A page that fits into the window was not scrolled.
    if (height <= w.innerHeight) return;
    while (page.marks < Math.floor(page.depth / 25)) {
      page.marks++;
      if (w.scrollY > 0) add("scroll", { depth: page.marks * 25 });
    }
  }

  // ---- what is personalised, by a part that is loaded where something is

  var inner = {
    url: collector + "/decide", preview: preview, shown: [], add: add, show: show,
    isFresh: function () { return true; },
    ask: function (ids) {
      return { visitor: whoever(), url: cut(location.href, 2000), referrer: cut(page && page.from || "", 2000), experiences: ids };
    }
  };

  function isHere(pattern) {
    var path = location.pathname;
    return fits(pattern, path) || fits(pattern, path.replace(/\/$/, ""));
  }

  // * stands for any letters. A regular expression with many of them would keep the tab busy for ever.
  function fits(pattern, path) {
    var parts = pattern.split("*");
    var last = parts.pop();
    var end = path.length - last.length;
    var at = 0;
    return parts.length ? parts.every(function (part, place) {
      var found = place ? path.indexOf(part, at) : path.lastIndexOf(part, 0);
      at = found + part.length;
      return found >= 0;
    }) && at <= end && path.slice(end) === last : path === last;
  }

  function personalise(hides) {
    if (!preview) inner.shown = !isAllowed() ? [] : settings.shows.filter(function (each) {
      return each[1].some(isHere);
    });
    var fresh = inner.shown.filter(function (each) { return inner.isFresh(each[0]); });
    // A path has one wait: what a router does to its address meanwhile doesn't prolong that, nor hides what was seen.
    if (place !== location.pathname) {
      place = location.pathname;
      inner.until = 0;
    }
    if (fresh.length && !inner.until) {
      inner.until = Date.now() + settings.wait;
      if (hides) hide(fresh);
    }
    if (inner.go) inner.go();
    else if ((fresh.length || preview && !isRefused()) && !inner.part) {
      inner.part = d.createElement("script");
      inner.part.onerror = giveUp;
      inner.part.src = new URL("/t/" + settings.part, collector).href;
      d.head.appendChild(inner.part);
    }
  }

  function hide(some) {
    if (!some.length) return;
    try {
      if (!sheet) {
        // Which no policy for styles forbids.
        sheet = new CSSStyleSheet();
        d.adoptedStyleSheets = [].slice.call(d.adoptedStyleSheets).concat(sheet);
      }
    } catch (old) { return; }
    some.forEach(function (each) {
      each[2].forEach(function (selector) {
        try { sheet.insertRule(selector + "{opacity:0!important}"); } catch (bad) { /* no selector */ }
      });
    });
    clearTimeout(hiding);
    hiding = setTimeout(giveUp, settings.wait);
  }

  // Without the part, nothing more is hidden; should it still come, it says itself what is fresh.
  function giveUp() {
    if (!inner.go) inner.isFresh = function () { return false; };
    show();
  }

  function show() { if (sheet) sheet.replaceSync(""); }

  // ---- clicks and forms

  function ignored(element) {
    return element.closest("[data-abmatic-ignore]");
  }

  function click(event) {
    var link = event.target && event.target.closest && event.target.closest("a[href]");
    if (!link || event.button > 1 || !/^https?:$/.test(link.protocol) || ignored(link)) return;
    var type = link.hasAttribute("download") || FILES.test(link.pathname) ? "download" :
      link.host !== location.host ? "outbound" : "";
    if (type) add("click", { type: type, href: cut(link.href, 1000), text: cut(link.textContent.trim(), 100) });
  }

  function isCard(value) {
    var digits = value.replace(/[ -]/g, "");
    if (!/^\d{12,19}$/.test(digits)) return false;
    var sum = 0;
    for (var at = 0; at < digits.length; at++) {
      var digit = +digits[digits.length - 1 - at] * (at % 2 + 1);
      sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 === 0;
  }

  // What the browser is told to fill in; the attribute, because the property is empty where it doesn't understand that.
  function hint(field) {
    return (field.getAttribute("autocomplete") || "").trim().toLowerCase().split(/\s+/).pop();
  }

  // The allowed name that a field goes by, or nothing.
  function allowedName(field) {
    var name = (field.name || field.id || "").replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase()
      .replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "");
    var filled = FILLED[hint(field)];
    var type = { email: "email", tel: "phone" }[field.type];
    var fields = settings.fields;
    function among(wanted) { return wanted && fields.indexOf(wanted) >= 0 ? wanted : ""; }
    return among(name) || among(filled) || among(type) || fields.filter(function (each) {
      return name.slice(-each.length - 1) === "_" + each;
    })[0];
  }

  function submit(event) {
    var form = event.target;
    if (!form || !form.elements || ignored(form)) return;
    var values = {};
    [].forEach.call(form.elements, function (field) {
      var value = String(field.value || "").trim();
      var isSecret = /^(password|hidden|file|submit|button|image|reset)$/.test(field.type) ||
        /^(cc-|.*password|one-time)/.test(hint(field));
      var isOff = /^(checkbox|radio)$/.test(field.type) && !field.checked;
      if (!value || isSecret || isOff || isCard(value) || ignored(field)) return;
      var name = allowedName(field);
      if (name && !(name in values)) values[name] = cut(value, 200);
    });
    add("form", { form: cut(form.getAttribute("id") || form.getAttribute("name") || "", 100), fields: values });
  }

  // ---- what the page's own code may call

  function identify(who) {
    var traits = typeof who === "string" ? { email: who } : who;
    if (!traits || typeof traits.email !== "string") throw new TypeError("abmatic.identify: give an e-mail address");
    add("identify", plain(traits));
  }

  function track(name, properties) {
    if (typeof name !== "string" || !name) throw new TypeError("abmatic.track: give a name");
    add("track", { name: cut(name, 100), values: plain(properties || {}) });
  }

  function plain(values) {
    var told = {};
    Object.keys(values).slice(0, 30).forEach(function (key) {
      var value = values[key];
      if (typeof value === "string") value = cut(value, 500);
      if (/^(string|number|boolean)$/.test(typeof value)) told[cut(key, 60)] = value;
    });
    return told;
  }

  function cut(text, length) {
    text = String(text).slice(0, length);
    // Not within a letter of two halves.
    return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
  }

  function call(args) {
    safe(api[args[0]])(args[1], args[2]);
  }

  // Nothing of ours may break the page.
  function safe(act) {
    return function (first, second) {
      try { return act(first, second); } catch (error) {
        if (w.console) console.warn("abmatic: " + error.message);
      }
    };
  }

  var api = { consent: consent, identify: identify, track: track };
  w.abmatic = { loaded: true, inner: inner, push: function () { [].forEach.call(arguments, call); } };
  Object.keys(api).forEach(function (name) { w.abmatic[name] = safe(api[name]); });

  function begin() {
    view();
    // Anybody can write such a link: it makes nobody's browser ask who wouldn't be asked about otherwise.
    if (preview && isRefused()) console.warn("abmatic: no preview without consent, or with Global Privacy Control or Do Not Track");
    // What has been painted already would only blink.
    personalise(!performance.getEntriesByName("first-contentful-paint").length);
    if (early && early.length) w.abmatic.push.apply(null, early);
    on(d, "click", click);
    on(d, "auxclick", click);
    on(d, "submit", settings.forms ? submit : function () {});
    on(w, "scroll", look);
    on(w, "popstate", function () { personalise(true); move(true); });
    on(w, "online", function () { failures = 0; send(); });
    on(d, "visibilitychange", function () {
      if (d.visibilityState === "visible") { if (page) page.since = Date.now(); return; }
      leave();
      sendOnLeaving();
    });
    on(w, "pagehide", function () { leave(); sendOnLeaving(); });
    // From the back/forward cache: looked at again.
    on(w, "pageshow", function (event) { if (event.persisted) view(); });
  }

  function on(target, name, act) {
    target.addEventListener(name, safe(act), { capture: true, passive: true });
  }

  if (d.prerendering) d.addEventListener("prerenderingchange", safe(begin), { once: true });
  else safe(begin)();
})(window, document, navigator);
