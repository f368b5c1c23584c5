/** Tests of optimizers before a device is open. */

import { assertEquals } from "@std/assert";
import { adam } from "../../src/optim/adam.ts";

Deno.test("an optimizer that keeps nothing can be disposed before a device is open", () => {
  const optimizer = adam();
  optimizer.restore({});
  optimizer.dispose();
  assertEquals(optimizer.state(), {});
});
