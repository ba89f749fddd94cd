/** A SPIFFE id, taken apart. */
export interface SpiffeId {
  /** For example `cluster.local`. */
  readonly trustDomain: string;
  /** Path with its leading slash; empty for the id of a trust domain. */
  readonly path: string;
  /** Istio's namespace, from a path `/ns/NAMESPACE/sa/SERVICE_ACCOUNT`; `null` for another form. */
  readonly namespace: string | null;
  /** Istio's service account; `null` for another form. */
  readonly serviceAccount: string | null;
}

const ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;
const WORKLOAD = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

/**
 * Parses a SPIFFE id (SPIFFE-ID, section 2): at most 2048 bytes, a trust domain in lower case, no empty or relative
 * path segments, no query, port or user.
 *
 * @returns `null` when it is none.
 */
export function parseSpiffeId(uri: string): SpiffeId | null {
  if (uri.length > 2048) return null;
  const match = ID.exec(uri);
  if (match === null) return null;
  const [, trustDomain, path] = match as unknown as [string, string, string];
  if (path.split("/").some((segment) => segment === "." || segment === "..")) return null;
  const workload = WORKLOAD.exec(path);
  return { trustDomain, path, namespace: workload?.[1] ?? null, serviceAccount: workload?.[2] ?? null };
}

/**
 * The id of a workload in Istio's form.
 *
 * @throws {TypeError} When a part may not stand in a SPIFFE id.
 */
export function formatSpiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  const id = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  if (parseSpiffeId(id)?.serviceAccount !== serviceAccount) {
    throw new TypeError(
      `Cannot form a SPIFFE id: a part holds a character that may not be in it, current value is '${id}'`,
    );
  }
  return id;
}
