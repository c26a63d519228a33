// Prints who wrote what is inside the programs, and under which terms: every crate that is linked on this system, and
// every npm module the window is built from, with the texts they come with. Reads what is on the disk; asks no network.
// Deliberately absent: a judgement about licences, which is `cargo deny`'s.
// usage: node packaging/licences.mjs >FILE

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TEXT = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;
const PROGRAMS = ["intercept", "interceptctl"];
const root = join(import.meta.dirname, "..");

function cargo(...words) {
  return execFileSync("cargo", words, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
}

/** What is linked, and what is built of it: neither tests nor what only runs while compiling. */
function crates() {
  const host = /^host: (.*)$/m.exec(execFileSync("rustc", ["-vV"], { encoding: "utf8" }))[1];
  const { packages, resolve } = JSON.parse(
    cargo("metadata", "--format-version=1", "--locked", "--offline", `--filter-platform=${host}`),
  );
  const byId = new Map(packages.map((one) => [one.id, one]));
  const nodes = new Map(resolve.nodes.map((one) => [one.id, one]));
  const open = packages.filter((one) => one.source === null && PROGRAMS.includes(one.name)).map((one) => one.id);
  const found = new Set(open);
  while (open.length > 0) {
    for (const { pkg, dep_kinds } of nodes.get(open.pop()).deps) {
      if (found.has(pkg) || !dep_kinds.some(({ kind }) => kind === null)) continue;
      found.add(pkg);
      open.push(pkg);
    }
  }
  return [...found].map((id) => byId.get(id)).filter((one) => one.source !== null).map((one) => ({
    name: `${one.name} ${one.version}`,
    terms: one.license ?? "see its text",
    folder: join(one.manifest_path, ".."),
    authors: one.authors,
  }));
}

/** The lock file says which modules only develop the window. */
function modules() {
  const lock = JSON.parse(readFileSync(join(root, "ui/package-lock.json"), "utf8"));
  return Object.entries(lock.packages)
    .filter(([path, { dev, optional }]) => path !== "" && !dev && !optional)
    .map(([path]) => join(root, "ui", path))
    .map((folder) => ({ folder, about: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .map(({ folder, about }) => ({
      name: `${about.name} ${about.version} (npm)`,
      terms: about.license ?? "see its text",
      folder,
      authors: [about.author?.name ?? about.author].filter(Boolean),
    }));
}

function texts(folder) {
  if (!existsSync(folder)) throw new Error(`${folder} is not there: install what the lock files name first`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && TEXT.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), "utf8").trim());
}

const parts = [...crates(), ...modules()].sort((a, b) => (a.name < b.name ? -1 : 1));
const shared = new Map();
for (const part of parts) {
  const authors = part.authors.length > 0 ? `, by ${part.authors.join(", ")}` : "";
  console.log(`${part.name}: ${part.terms}${authors}`);
  for (const text of texts(part.folder)) shared.set(text, [...(shared.get(text) ?? []), part.name]);
}
for (const [text, names] of shared) {
  console.log(`\n${"=".repeat(80)}\n${names.join(", ")}\n${"=".repeat(80)}\n\n${text}`);
}
