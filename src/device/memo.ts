/** Values that are made once and found again by an owner, and by a key: programs, primitives, plans. */

/** Makes a value for each owner, such as a GPU device, once; it goes with the owner. */
export function perOwner<Owner extends object, Value>(
  make: (owner: Owner) => Value,
): (owner: Owner) => Value {
  const values = new WeakMap<Owner, Value>();
  return (owner) => {
    let value = values.get(owner);
    if (value === undefined) values.set(owner, value = make(owner));
    return value;
  };
}

/** Finds the value of an owner and a key, or makes it. */
export function memo<Value>() {
  const valuesOf = perOwner((_: object) => new Map<string, Value>());
  return (owner: object, key: string, make: () => Value): Value => {
    const values = valuesOf(owner);
    let value = values.get(key);
    if (value === undefined) values.set(key, value = make());
    return value;
  };
}
