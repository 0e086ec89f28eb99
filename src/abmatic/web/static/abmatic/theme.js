// Runs before the first paint (a plain script in the head), so that a dark page never flashes white.
(function () {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // What the person's profile says, where this browser has no choice of its own.
  function mine() {
    return document.documentElement.dataset.theme || "system";
  }
  function chosen() {
    try {
      return localStorage.getItem("abmatic-theme") || mine();
    } catch {
      return mine(); // Storage can be forbidden; the system's choice still works.
    }
  }
  function apply() {
    const theme = chosen() === "system" ? (dark.matches ? "dark" : "light") : chosen();
    document.documentElement.dataset.bsTheme = theme;
  }
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  window.abmaticTheme = {
    chosen,
    choose(name) {
      try {
        localStorage.setItem("abmatic-theme", name);
      } catch {
        // Kept for this page only.
      }
      document.documentElement.dataset.bsTheme = name === "system" ? (dark.matches ? "dark" : "light") : name;
    },
  };
  apply();
})();
