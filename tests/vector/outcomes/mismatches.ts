/**
 * Where an outcome is not as expected, as `path: expected X, got Y`. Of objects only the named fields count, `undefined`
 * asks that a field is not there, `{ includes }` that a text holds another; lists count in full.
 */
export function mismatches(actual: unknown, expected: unknown, path = ""): string[] {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return [differs(actual, expected, path)];
    return expected.flatMap((item, index) => mismatches(actual[index], item, `${path}[${index}]`));
  }
  if (typeof expected === "object" && expected !== null) {
    const { includes } = expected as { includes?: unknown };
    if (typeof includes === "string") {
      return typeof actual === "string" && actual.includes(includes) ? [] : [differs(actual, expected, path)];
    }
    if (typeof actual !== "object" || actual === null) return [differs(actual, expected, path)];
    return Object.entries(expected).flatMap(([name, value]) =>
      mismatches((actual as Record<string, unknown>)[name], value, path === "" ? name : `${path}.${name}`)
    );
  }
  return Object.is(actual, expected) ? [] : [differs(actual, expected, path)];
}

function differs(actual: unknown, expected: unknown, path: string): string {
  return `${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
}
