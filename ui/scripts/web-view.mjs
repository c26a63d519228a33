// The built page in WebKitGTK, driven over plain WebDriver: serves ui/dist, starts WebKitWebDriver, opens one window.
// Needs a display; `scripts/screenshots.sh` starts a virtual one. Nothing here downloads anything.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { setTimeout as rest } from "node:timers/promises";

const dist = join(import.meta.dirname, "..", "dist");
const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };

/** Runs `act` with an opened view, and ends all that was started, whatever happens. */
export async function withView({ width, height }, act) {
  const server = await serve();
  const driver = await startDriver();
  let session = null;
  try {
    session = await openSession(driver.base);
    const view = new View(`${driver.base}/session/${session}`, `http://127.0.0.1:${server.address().port}`);
    await view.resize(width, height);
    return await act(view);
  } finally {
    if (session) await ask("DELETE", `${driver.base}/session/${session}`).catch(() => undefined);
    driver.end();
    server.close();
    server.closeAllConnections();
  }
}

class View {
  constructor(base, page) {
    this.base = base;
    this.page = page;
  }

  open = (query) => ask("POST", `${this.base}/url`, { url: `${this.page}/?${query}` });

  /** Runs a function of the page, which may be async, and answers what it answers. */
  run(act, ...args) {
    const script = "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);"
      + `Promise.resolve((${act})(...given)).then((value) => done({ value }), (thrown) => done({ error: String(thrown) }));`;
    return ask("POST", `${this.base}/execute/async`, { script, args }).then(({ value, error }) => {
      if (error !== undefined) throw new Error(`in the page: ${error}`);
      return value;
    });
  }

  /** Asks again until a function of the page answers something true. */
  async until(act, ...args) {
    const end = Date.now() + 15_000;
    while (Date.now() < end) {
      const found = await this.run(act, ...args);
      if (found) return found;
      await rest(50);
    }
    throw new Error(`the page did not come to: ${act}`);
  }

  /** The page is given this size, whatever the frame of the window takes. */
  async resize(width, height) {
    await ask("POST", `${this.base}/window/rect`, { x: 0, y: 0, width, height });
    const [w, h] = await this.run(() => [window.innerWidth, window.innerHeight]);
    await ask("POST", `${this.base}/window/rect`, { x: 0, y: 0, width: width + width - w, height: height + height - h });
  }

  async picture() {
    return Buffer.from(await ask("GET", `${this.base}/screenshot`), "base64");
  }
}

async function serve() {
  if (!(await readdir(dist).catch(() => [])).includes("index.html")) throw new Error("ui/dist is not built: npm --prefix ui run build");
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://page").pathname);
    const file = join(dist, path === "/" ? "index.html" : path);
    createReadStream(file)
      .on("open", () => response.writeHead(200, { "content-type": kinds[extname(file)] ?? "application/octet-stream" }))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function startDriver() {
  const port = await freePort();
  const child = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], { stdio: "ignore" });
  let failed = null;
  child.once("error", (error) => { failed = error; });
  const base = `http://127.0.0.1:${port}`;
  const end = Date.now() + 10_000;
  while (Date.now() < end) {
    if (failed) throw new Error(`WebKitWebDriver cannot be started (${failed.message}); scripts/setup.sh installs it`);
    const isReady = await ask("GET", `${base}/status`).then(({ ready }) => ready, () => false);
    if (isReady) return { base, end: () => { child.kill(); } };
    await rest(50);
  }
  child.kill();
  throw new Error("WebKitWebDriver did not become ready within 10 s");
}

async function openSession(base) {
  const browser = process.env.INTERCEPT_MINIBROWSER ?? (await miniBrowser());
  const options = { binary: browser, args: ["--automation"] };
  const { sessionId } = await ask("POST", `${base}/session`, {
    capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options, timeouts: { script: 180_000 } } },
  });
  return sessionId;
}

/** WebKitGTK's own small browser, which lies beside its processes; the newest of those that are installed. */
async function miniBrowser() {
  for (const root of ["/usr/lib", "/usr/libexec", ...(await readdir("/usr/lib")).filter((name) => name.includes("linux-gnu")).map((name) => `/usr/lib/${name}`)]) {
    for (const folder of (await readdir(root).catch(() => [])).filter((name) => name.startsWith("webkit2gtk-4")).sort().reverse()) {
      if ((await readdir(join(root, folder))).includes("MiniBrowser")) return join(root, folder, "MiniBrowser");
    }
  }
  throw new Error("MiniBrowser of WebKitGTK was not found; INTERCEPT_MINIBROWSER names it");
}

async function ask(method, url, question) {
  const body = method === "POST" ? JSON.stringify(question ?? {}) : undefined;
  const response = await fetch(url, { method, body, signal: AbortSignal.timeout(200_000) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${value?.message ?? response.status}`);
  return value;
}
