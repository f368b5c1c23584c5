/**
 * Opens a page in Debian's Chromium, without a window, over the DevTools protocol.
 *
 * @module
 */

/** A browser that shows one page. */
export interface Browser extends AsyncDisposable {
  /** What the page and its loading complained of so far, and every address that was asked for besides the page. */
  readonly complaints: readonly string[];
  /** Sends a command of the DevTools protocol to the page. */
  send(method: string, params?: object): Promise<Reply>;
  /** Shows a page and waits until it is loaded. */
  open(url: string): Promise<void>;
  /** Evaluates an expression in the page. */
  evaluate<T>(expression: string): Promise<T>;
}

type Reply = Record<string, unknown>;

/** Where the browser is, if there is one. */
export const CHROMIUM: string | undefined = [
  ...["/usr/bin/chromium", "/usr/bin/chromium-browser"],
].find((path) => Deno.statSync === undefined ? false : _exists(path));

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
  ...["--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
  ...["--remote-debugging-port=0", "--hide-scrollbars"],
];

/**
 * Starts the browser.
 *
 * @returns The browser; disposing ends it.
 */
export async function startBrowser(): Promise<Browser> {
  const profile = await Deno.makeTempDir();
  const process = new Deno.Command(CHROMIUM!, {
    args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const socket = new WebSocket(await _pageAddress(profile));
  await new Promise((done) => socket.onopen = done);
  const waiting = new Map<number, PromiseWithResolvers<Reply>>();
  const complaints: string[] = [];
  let [url, count, loaded] = ["", 0, Promise.withResolvers<void>()] as [
    ...[string, number, PromiseWithResolvers<void>],
  ];
  socket.onmessage = ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(data);
    if (method === "Page.loadEventFired") loaded.resolve();
    const asked = params?.request?.url;
    if (asked && asked !== url && !asked.startsWith("data:")) {
      complaints.push(`asked for ${asked}`);
    }
    if (
      /^(Log.entryAdded|Runtime.(exceptionThrown|consoleAPICalled))$/.test(
        method,
      )
    ) {
      complaints.push(JSON.stringify(params));
    }
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
  };
  const browser: Browser = {
    complaints,
    send(method, params = {}) {
      const reply = Promise.withResolvers<Reply>();
      waiting.set(++count, reply);
      socket.send(JSON.stringify({ id: count, method, params }));
      return reply.promise;
    },
    async open(address) {
      [url, loaded] = [address, Promise.withResolvers()];
      await browser.send("Page.navigate", { url });
      await loaded.promise;
    },
    async evaluate<T>(expression: string) {
      const params = { expression, returnByValue: true, awaitPromise: true };
      const { result, exceptionDetails } = await browser.send(
        "Runtime.evaluate",
        params,
      );
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value: T }).value;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => socket.onclose = done);
      await browser.send("Browser.close");
      await Promise.all([closed, process.status]);
      await Deno.remove(profile, { recursive: true });
    },
  };
  for (const domain of ["Page", "Runtime", "Log", "Network"]) {
    await browser.send(`${domain}.enable`);
  }
  return browser;
}

/** Waits for the browser to say where its page can be driven. */
async function _pageAddress(profile: string): Promise<string> {
  for (let i = 0; i < 300; i++) {
    await new Promise((done) => setTimeout(done, 100));
    const text = await Deno.readTextFile(`${profile}/DevToolsActivePort`)
      .catch(() => "");
    const [port, path] = text.split("\n");
    if (path === undefined) continue;
    const pages = await (await fetch(`http://127.0.0.1:${port}/json/list`))
      .json();
    const page = pages.find(({ type }: { type: string }) => type === "page");
    if (page) return page.webSocketDebuggerUrl;
  }
  throw new Error("the browser did not start in 30 s");
}

function _exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
