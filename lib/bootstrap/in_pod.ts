/** Files that Kubernetes mounts into a pod, at the paths Istio's injector uses. */
export const POD_FILES = {
  /** Projected service account token, audience `istio-ca`. */
  token: "/var/run/secrets/tokens/istio-token",
  /** ConfigMap `istio-ca-root-cert`. */
  root: "/var/run/secrets/istio/root-cert.pem",
  /** Downward API: the pod's labels. */
  labels: "/etc/istio/pod/labels",
  /** Downward API: the pod's annotations. */
  annotations: "/etc/istio/pod/annotations",
  /** In every pod with a service account. */
  namespace: "/var/run/secrets/kubernetes.io/serviceaccount/namespace",
  /** MeshConfig, where somebody mounts it. */
  meshConfig: "/etc/istio/config/mesh",
} as const;

/**
 * Reads a file of the downward API: lines of `key="value"`, the value quoted as Go's `strconv.Quote` does.
 *
 * @throws {TypeError} When a line is something else.
 */
export function readDownwardApi(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const match = /^([^="]+)=(".*")\s*$/.exec(line);
    if (match === null) throw new TypeError(`Expected lines of key="value", current line is '${line.slice(0, 100)}'`);
    values[match[1]!] = unquote(match[2]!);
  }
  return values;
}

/** Go quotes like JSON, but for `\x..`, `\a`, `\v`, `\U........` and `\'`. */
function unquote(quoted: string): string {
  const json = quoted
    .replace(/\\x([0-9a-fA-F]{2})/g, "\\u00$1")
    .replace(/\\U([0-9a-fA-F]{8})/g, (_, hex) => String.fromCodePoint(Math.min(parseInt(hex, 16), 0x10ffff)))
    .replaceAll("\\a", "\\u0007")
    .replaceAll("\\v", "\\u000b");
  try {
    return JSON.parse(json);
  } catch {
    throw new TypeError(`Expected a quoted value, current value is '${quoted.slice(0, 100)}'`);
  }
}
