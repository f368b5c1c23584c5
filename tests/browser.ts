/**
 * Drives a real browser, Debian's chromium without a window, by the DevTools protocol:
 * https://chromedevtools.github.io/devtools-protocol
 */

/** Where Debian's package `chromium` puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** So that it starts anywhere, also as root, draws without a GPU, and asks nothing of the network. */
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"],
  ...["--no-first-run", "--disable-background-networking", "--disable-sync"],
  ...["--disable-component-update", "--disable-dev-shm-usage"],
  "--remote-debugging-port=0",
];

/** Longest time that the browser may take to start: usually a second or two. */
const START_MS = 60_000;

/** A page that is open in the browser. */
export interface Page {
  /** What went wrong in it so far: exceptions, errors on the console, files that could not be loaded. */
  readonly errors: readonly string[];
  /** Warnings on the console so far. */
  readonly warnings: readonly string[];
  /** Addresses that it asked for so far, its own the first. */
  readonly requests: readonly string[];
  /**
   * Computes something in the page.
   *
   * @param expression JavaScript; a promise is awaited.
   * @returns Its value, which JSON must be able to hold.
   */
  evaluate(expression: string): Promise<unknown>;
  /**
   * Sends any command of the protocol, for example "Page.captureScreenshot".
   *
   * @param method The command.
   * @param params Its parameters.
   * @returns What it gives.
   */
  send(
    method: string,
    params?: Record<string, unknown>,
  ): Promise<Record<string, unknown>>;
}

/** A browser that runs; disposing ends it. */
export interface Browser extends AsyncDisposable {
  /**
   * Opens a page and waits until it is loaded.
   *
   * @param url Its address.
   * @returns The page.
   */
  open(url: string): Promise<Page>;
}

const isMissing = !await Deno.stat(CHROMIUM).catch(() => undefined);

/**
 * Registers a test that needs a browser; where there is none it is ignored, and its name says why.
 *
 * @param name Name of the test.
 * @param fn The test; the browser is ended after it.
 */
export function browserTest(
  name: string,
  fn: (browser: Browser) => Promise<void>,
): void {
  Deno.test({
    name: isMissing
      ? `${name} (ignored, no ${CHROMIUM}: apt-get install chromium)`
      : name,
    ignore: isMissing,
    fn: async () => {
      await using browser = await openBrowser();
      await fn(browser);
    },
  });
}

/**
 * Starts a browser with an empty profile.
 *
 * @returns The browser.
 */
export async function openBrowser(): Promise<Browser> {
  const profile = await Deno.makeTempDir();
  const process = new Deno.Command(CHROMIUM, {
    args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const end = async () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await process.status;
    await removeFolder(profile);
  };
  try {
    const connection = await _connect(await findAddress(profile));
    return {
      open: (url) => openPage(connection, url),
      [Symbol.asyncDispose]: async () => {
        await connection.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The browser writes port and path of its protocol to a file. */
async function findAddress(profile: string): Promise<string> {
  for (const start = Date.now(); Date.now() - start < START_MS;) {
    const text = await Deno.readTextFile(`${profile}/DevToolsActivePort`)
      .catch(() => "");
    const [port, path] = text.split("\n");
    if (path) return `ws://127.0.0.1:${port}${path}`;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${CHROMIUM} did not start within ${START_MS} ms`);
}

/** Processes of the browser may go on writing for a moment. */
async function removeFolder(path: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return await Deno.remove(path, { recursive: true });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

// deno-lint-ignore no-explicit-any -- whatever the protocol sends
type Message = Record<string, any>;

interface Connection {
  send(method: string, params: object, sessionId?: string): Promise<Message>;
  /** Called for each event of each page. */
  listen(listener: (event: Message) => void): void;
  close(): Promise<void>;
}

async function _connect(address: string): Promise<Connection> {
  const socket = new WebSocket(address);
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => resolve();
  });
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`Cannot connect to ${address}`));
  });
  const waiting = new Map<number, (message: Message) => void>();
  const listeners: ((event: Message) => void)[] = [];
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id === undefined) listeners.forEach((f) => f(message));
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  };
  socket.onerror = null;
  let lastId = 0;
  return {
    async send(method, params, sessionId) {
      const id = ++lastId;
      const answer = new Promise<Message>((resolve) => {
        waiting.set(id, resolve);
        closed.then(() =>
          resolve({ error: { message: "the browser has ended" } })
        );
      });
      socket.send(JSON.stringify({ id, method, params, sessionId }));
      const { result, error } = await answer;
      if (error) throw new Error(`${method}: ${error.message}`);
      return result;
    },
    listen: (listener) => void listeners.push(listener),
    async close() {
      socket.close();
      await closed;
    },
  };
}

async function openPage(connection: Connection, url: string): Promise<Page> {
  const { targetId } = await connection.send("Target.createTarget", {
    url: "about:blank",
  });
  const { sessionId } = await connection.send("Target.attachToTarget", {
    targetId,
    flatten: true,
  });
  const send = (method: string, params: object = {}) =>
    connection.send(method, params, sessionId);
  const errors: string[] = [];
  const warnings: string[] = [];
  const requests: string[] = [];
  const loaded = new Promise<void>((resolve) =>
    connection.listen((event) => {
      if (event.sessionId !== sessionId) return;
      if (event.method === "Page.loadEventFired") resolve();
      if (event.method === "Network.requestWillBeSent") {
        requests.push(event.params.request.url);
      }
      const warning = warningOf(event);
      if (warning !== undefined) warnings.push(warning);
      const error = errorOf(event);
      if (error !== undefined) errors.push(error);
    })
  );
  for (const domain of ["Page", "Runtime", "Log", "Network"]) {
    await send(`${domain}.enable`);
  }
  await send("Page.navigate", { url });
  await loaded;
  return {
    ...{ errors, warnings, requests },
    send,
    async evaluate(expression) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) throw new Error(describe(exceptionDetails));
      return result.value;
    },
  };
}

/** What an event says that went wrong, if it does. */
function errorOf({ method, params }: Message): string | undefined {
  if (method === "Runtime.exceptionThrown") {
    return describe(params.exceptionDetails);
  }
  if (method === "Runtime.consoleAPICalled" && params.type === "error") {
    return params.args.map((a: Message) => a.value ?? a.description).join(" ");
  }
  if (method === "Log.entryAdded" && params.entry.level === "error") {
    return `${params.entry.text} ${params.entry.url ?? ""}`.trim();
  }
}

/** What an event warns of, if it does. */
function warningOf({ method, params }: Message): string | undefined {
  if (method === "Runtime.consoleAPICalled" && params.type === "warning") {
    return params.args.map((a: Message) => a.value ?? a.description).join(" ");
  }
  if (method === "Log.entryAdded" && params.entry.level === "warning") {
    return params.entry.text;
  }
}

function describe({ text, exception }: Message): string {
  return exception?.description ?? text;
}
