/** Files of before networks were described in them: they say its name alone. */

const FIXTURE = new URL("../fixtures/lenet.safetensors", import.meta.url);

/**
 * Makes a file as a program wrote it then by `saveCheckpoint` as the documentation said: its classes come before the
 * size of its images. `train` wrote them in the other order.
 *
 * @returns Its bytes.
 */
export async function oldFileOfProgram(): Promise<Uint8Array> {
  const bytes = await Deno.readFile(FIXTURE);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 200));
  const order = /(\\"imageSize\\":28),(\\"classes\\":10)/;
  const changed = start.replace(order, "$2,$1");
  bytes.set(Uint8Array.from(changed, (c) => c.charCodeAt(0)));
  return bytes;
}
