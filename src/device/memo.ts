/**
 * Values that are made once and found again by a key: programs, primitives, plans.
 *
 * @module
 */

/** Finds the value of an owner and a key, or makes it. */
export type Memo<Value> = (
  owner: object,
  key: string,
  make: () => Value,
) => Value;

/** Makes an empty memo. What it keeps of an owner, such as a GPU device, goes with the owner. */
export function memo<Value>(): Memo<Value> {
  const owners = new WeakMap<object, Map<string, Value>>();
  return (owner, key, make) => {
    let values = owners.get(owner);
    if (values === undefined) owners.set(owner, values = new Map());
    let value = values.get(key);
    if (value === undefined) values.set(key, value = make());
    return value;
  };
}
