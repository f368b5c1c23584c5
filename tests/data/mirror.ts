/** A mirror of the data set on this machine, for tests of downloads. */

/** A running server and what it was asked. */
export interface Mirror extends AsyncDisposable {
  /** Address with a slash at the end, to be given as a mirror. */
  url: string;
  /** The `Range` header of each request, or "" where there was none. */
  ranges: string[];
}

/** An address where nothing listens. */
export const NOBODY = _unusedAddress();

/** Starts a server on 127.0.0.1. */
export function startMirror(
  answer: (name: string, request: Request) => Response | Promise<Response>,
): Mirror {
  const ranges: string[] = [];
  const server = Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
      onError: () => new Response(null, { status: 500 }),
    },
    (request) => {
      ranges.push(request.headers.get("range") ?? "");
      return answer(new URL(request.url).pathname.slice(1), request);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    ranges,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Answers with bytes, or with the range of them that was asked for. */
export function answerRange(
  bytes: Uint8Array<ArrayBuffer>,
  request: Request,
): Response {
  const range = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "");
  if (range === null) return new Response(bytes);
  const start = Number(range[1]);
  if (start >= bytes.length) return new Response(null, { status: 416 });
  return new Response(bytes.subarray(start), {
    status: 206,
    headers: {
      "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    },
  });
}

/** Answers with the first bytes, and with no more of them. */
export function answerCut(
  bytes: Uint8Array<ArrayBuffer>,
  end?: Promise<void>,
): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      end?.then(() => controller.error(new Error("cut")));
    },
  });
  return new Response(body);
}

function _unusedAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}/`;
}
