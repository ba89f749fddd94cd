/** Files of a virtual machine in the mesh. */
export interface VmFiles {
  /** Environment variables, one `NAME='value'` a line. */
  readonly clusterEnv: string;
  /** MeshConfig; its `defaultConfig` is the ProxyConfig. */
  readonly meshConfig: string;
  readonly root: string;
  readonly token: string;
}

/** Where Istio's VM package expects them. */
export const INSTALLED_VM_FILES: VmFiles = {
  clusterEnv: "/var/lib/istio/envoy/cluster.env",
  meshConfig: "/etc/istio/config/mesh",
  root: "/etc/certs/root-cert.pem",
  token: "/var/run/secrets/tokens/istio-token",
};

/** The files in one folder, as `istioctl x workload entry configure` writes them. */
export function vmFilesIn(folder: string): VmFiles {
  const base = folder.replace(/\/+$/, "");
  return {
    clusterEnv: `${base}/cluster.env`,
    meshConfig: `${base}/mesh.yaml`,
    root: `${base}/root-cert.pem`,
    token: `${base}/istio-token`,
  };
}

/**
 * Reads `cluster.env`: `NAME=value`, `NAME='value'` or `NAME="value"` a line, `#` begins a comment line. Nothing is
 * expanded.
 *
 * @throws {TypeError} When a line is something else.
 */
export function readClusterEnv(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const raw of text.split("\n")) {
    const line = raw.trim().replace(/^export\s+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (match === null) throw new TypeError(`Expected lines of NAME='value', current line is '${line.slice(0, 100)}'`);
    variables[match[1]!] = unquote(match[2]!.trim());
  }
  return variables;
}

function unquote(value: string): string {
  const quote = value.charAt(0);
  const quoted = value.length >= 2 && (quote === "'" || quote === '"') && value.endsWith(quote);
  if (!quoted) return value;
  const inner = value.slice(1, -1);
  return quote === '"' ? inner.replace(/\\(["\\$`])/g, "$1") : inner;
}
