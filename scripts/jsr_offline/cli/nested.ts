/** Values under names with dots: `a.b` is `b` in the object `a`. */

/**
 * Sets the value of a name, in new objects where there are none. No name reaches a prototype.
 *
 * @param object What the name is of.
 * @param name The name.
 * @param set The value, and whether it is added to an array of those that were set before.
 */
export function setNested(
  object: Record<string, unknown>,
  name: string,
  { value, isCollected }: { value: unknown; isCollected?: boolean },
): void {
  const keys = name.split(".");
  const last = keys.pop()!;
  for (const key of keys) {
    if (isOfPrototype(object, key)) return;
    object = (object[key] ??= {}) as Record<string, unknown>;
  }
  if (isOfPrototype(object, last)) return;
  const old = object[last];
  if (!isCollected) object[last] = value;
  else if (Array.isArray(old)) old.push(value);
  else object[last] = old ? [old, value] : [value];
}

/**
 * Looks whether a name was set.
 *
 * @param object What the name is of.
 * @param name The name.
 * @returns Whether there is such a value.
 */
export function hasNested(
  object: Record<string, unknown>,
  name: string,
): boolean {
  for (const key of name.split(".")) {
    if (!Object.hasOwn(object, key)) return false;
    object = object[key] as Record<string, unknown>;
  }
  return true;
}

function isOfPrototype(object: Record<string, unknown>, key: string): boolean {
  return key === "__proto__" ||
    (key === "constructor" && typeof object[key] === "function");
}
