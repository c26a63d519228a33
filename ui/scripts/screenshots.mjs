// A picture of every screen in both themes, from the built page on the fake host. `node screenshots.mjs FOLDER [WxH] [zoom]`

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { withView } from "./web-view.mjs";

/** What is done in the page before its picture is made, in terms of what a person sees. */
const key = (init) => (view) => view.run((given) => {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...given }));
}, init);
/** By the rail, from Services, so that the cluster is known. */
const go = (screen) => async (view) => {
  await view.until(() => document.querySelector(".row[data-id]") !== null);
  await view.run((name) => { document.querySelector(`nav button[aria-label="${name}"]`).click(); }, screen);
};
const chooseRequest = async (view) => {
  await go("Inspector")(view);
  await view.until(() => {
    const row = [...document.querySelectorAll(".request-row")].find((each) => each.textContent.includes("/search"));
    row?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, button: 0 }));
    return row !== undefined;
  });
  await view.until(() => document.querySelector(".detail [role=tab]") !== null);
};
const openSheet = async (view) => {
  await view.until(() => {
    const row = [...document.querySelectorAll(".row[data-id]")].find((each) => each.getAttribute("aria-label")?.startsWith("checkout"));
    row?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    return document.querySelector(".sheet") !== null;
  });
};

const pictures = [
  { name: "services", query: "scenario=full" },
  { name: "sheet", query: "scenario=full", act: openSheet },
  { name: "inspector", query: "scenario=full", act: go("Inspector") },
  { name: "request", query: "scenario=full", act: chooseRequest },
  { name: "tunnel", query: "scenario=full", act: go("Tunnel") },
  { name: "settings", query: "scenario=full", act: go("Settings") },
  { name: "first-start", query: "scenario=first" },
  { name: "palette", query: "scenario=full", act: key({ key: "k", ctrlKey: true }) },
  { name: "broken", query: "scenario=broken", act: go("Tunnel") },
  { name: "error", query: "scenario=error" },
];

const [folder = ".", size = "1280x760", zoom = "1"] = process.argv.slice(2);
const [width, height] = size.split("x").map(Number);
await mkdir(folder, { recursive: true });
// A page at 200 % is the page at half the size with twice the dots: the layout is that of half the size.
await withView({ width: Math.round(width / Number(zoom)), height: Math.round(height / Number(zoom)) }, async (view) => {
  for (const { name, query, act } of pictures) {
    for (const theme of ["dark", "light"]) {
      await view.open(`theme=${theme}&${query}`);
      await view.until(() => document.querySelector("#root main, #root .frame") !== null);
      await act?.(view);
      await settled(view);
      await writeFile(join(folder, `${name}-${theme}.png`), await view.picture());
    }
  }
});

/** Fonts are there, motion has ended, and what was asked of the made-up host has had its time. */
async function settled(view) {
  await view.run(async () => {
    await document.fonts.ready;
    await new Promise((resolve) => { setTimeout(resolve, 1_500); });
  });
}
