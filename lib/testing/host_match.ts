/** Whether two hosts meet: equal, or one is a wildcard that covers the other. */
export function hostsMeet(a: string, b: string): boolean {
  if (isWildcard(a) && isWildcard(b)) {
    const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
    return longer.slice(1).endsWith(shorter.slice(1));
  }
  if (isWildcard(a)) return b.endsWith(a.slice(1));
  return isWildcard(b) ? a.endsWith(b.slice(1)) : a === b;
}

/** Whether a host stands for every host below it. */
export function isWildcard(host: string): boolean {
  return host.startsWith("*");
}

/** The entry of the most specific host that covers one: the host itself, else the longest wildcard. */
export function mostSpecific<T>(host: string, entries: ReadonlyMap<string, T>): T | undefined {
  const exact = entries.get(host);
  if (exact !== undefined) return exact;
  const name = isWildcard(host) ? host.slice(1) : host;
  let best: string | undefined;
  for (const candidate of entries.keys()) {
    if (!isWildcard(candidate) || !name.endsWith(candidate.slice(1))) continue;
    if (best === undefined || candidate.length > best.length) best = candidate;
  }
  return best === undefined ? undefined : entries.get(best);
}
