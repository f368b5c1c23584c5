/**
 * A page in Debian's Chromium, without a window, over the DevTools protocol.
 *
 * @module
 */

import { existsSync } from "node:fs";

/** Where the browser is, if there is one. */
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
  .find((path) => existsSync(path));

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
  ...["--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--hide-scrollbars"],
  "--remote-debugging-port=0",
];

// deno-lint-ignore no-explicit-any -- replies differ from command to command.
type Reply = any;

/** A browser with one page. */
export class Browser implements AsyncDisposable {
  /** Errors, warnings and messages of the page, and addresses that it asked for besides its own. */
  readonly complaints: string[] = [];
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #end: () => Promise<unknown>;
  readonly #socket: WebSocket;
  #loaded = Promise.withResolvers<void>();
  #count = 0;
  #url = "";

  private constructor(socket: WebSocket, end: () => Promise<unknown>) {
    [this.#socket, this.#end] = [socket, end];
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  /** Starts the browser. */
  static async start(): Promise<Browser> {
    const profile = await Deno.makeTempDir();
    const process = new Deno.Command(CHROMIUM!, {
      args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    const socket = new WebSocket(await _pageAddress(profile));
    await new Promise((done) => socket.onopen = done);
    const closed = new Promise((done) => socket.onclose = done);
    const browser = new Browser(socket, async () => {
      await Promise.all([closed, process.status]);
      await Deno.remove(profile, { recursive: true });
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) {
      await browser.send(`${domain}.enable`);
    }
    return browser;
  }

  /** Sends a command of the protocol. */
  send(method: string, params: object = {}): Promise<Reply> {
    const reply = Promise.withResolvers<Reply>();
    this.#waiting.set(++this.#count, reply);
    this.#socket.send(JSON.stringify({ id: this.#count, method, params }));
    return reply.promise;
  }

  /** Shows a page and waits until it is loaded. */
  async open(url: string): Promise<void> {
    this.#url = url;
    this.#loaded = Promise.withResolvers();
    await this.send("Page.navigate", { url });
    await this.#loaded.promise;
  }

  /** Evaluates an expression in the page. */
  async evaluate(expression: string): Promise<Reply> {
    const params = { expression, returnByValue: true, awaitPromise: true };
    const reply = await this.send("Runtime.evaluate", params);
    const { result, exceptionDetails } = reply;
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** Ends the browser. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.send("Browser.close");
    await this.#end();
  }

  #receive({ id, method, params, result, error }: Reply): void {
    const asked = params?.request?.url;
    if (method === "Page.loadEventFired") this.#loaded.resolve();
    else if (/^Log.entryAdded|^Runtime.(exc|console)/.test(method)) {
      this.complaints.push(JSON.stringify(params));
    } else if (asked && asked !== this.#url && !asked.startsWith("data:")) {
      this.complaints.push(`asked for ${asked}`);
    } else if (error) this.#waiting.get(id)?.reject(new Error(error.message));
    else this.#waiting.get(id)?.resolve(result);
  }
}

/** Waits for the browser to say where its page can be driven. */
async function _pageAddress(profile: string): Promise<string> {
  for (let i = 0; i < 300; i++) {
    await new Promise((done) => setTimeout(done, 100));
    const text = await Deno.readTextFile(`${profile}/DevToolsActivePort`)
      .catch(() => "");
    const [port, path] = text.split("\n");
    if (path === undefined) continue;
    const list = await fetch(`http://127.0.0.1:${port}/json/list`);
    const pages: Reply[] = await list.json();
    const page = pages.find(({ type }) => type === "page");
    if (page) return page.webSocketDebuggerUrl;
  }
  throw new Error("the browser did not start in 30 s");
}
