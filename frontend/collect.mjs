// Copies the browser-side files that pages load into the web room's static folder, where the wheel picks them up.
//
// There is no bundler: each library ships a finished file, and copying it keeps what runs in the browser equal to
// what its authors tested. Icons are packed into one JSON file of the few that pages use, because the package holds
// thousands. Running it again replaces the folder, so nothing stale survives an upgrade.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = join(here, "..", "src", "abmatic", "web", "static", "vendor");

const FILES = {
  "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "alpine.min.js": "@alpinejs/csp/dist/cdn.min.js",
  "echarts.min.js": "echarts/dist/echarts.common.min.js",
};
const PACKAGES = ["@tabler/core", "@tabler/icons", "htmx.org", "@alpinejs/csp", "echarts"];

/** Name, version and licence of a package, with the text where the package ships one. */
function licence(name) {
  const about = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8"));
  const file = join(modules, name, "LICENSE");
  const text = existsSync(file) ? "\n" + readFileSync(file, "utf8").trim() + "\n" : "";
  return `${name} ${about.version}: ${about.license}\n${text}`;
}

/** Drops the "source map is over there" comments: maps are not shipped, and browsers would ask for them. */
function withoutMapComment(text) {
  return text.replace(/\n?(\/\*|\/\/)# sourceMappingURL=.*$/gm, "");
}

/** The drawing inside an icon's <svg>, on one line. */
function drawing(name) {
  const svg = readFileSync(join(modules, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
  return svg
    .replace(/^[\s\S]*?<svg[\s\S]*?>/, "")
    .replace(/<\/svg>\s*$/, "")
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" ?\/>/, "")
    .replace(/\s*\n\s*/g, "");
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [name, source] of Object.entries(FILES)) {
  const text = withoutMapComment(readFileSync(join(modules, source), "utf8"));
  writeFileSync(join(target, name), text);
  // WhiteNoise sends this one to browsers that take gzip, which is all of them.
  writeFileSync(join(target, `${name}.gz`), gzipSync(text, { level: 9 }));
}
writeFileSync(join(target, "LICENSES.txt"), PACKAGES.map(licence).join("\n"));
const names = readFileSync(join(here, "icons.txt"), "utf8").split("\n").filter((line) => line && !line.startsWith("#"));
writeFileSync(
  join(target, "icons.json"),
  JSON.stringify(Object.fromEntries(names.map((name) => [name, drawing(name)])), null, 1) + "\n",
);
console.log(`${Object.keys(FILES).length} files and ${names.length} icons collected into ${target}`);
