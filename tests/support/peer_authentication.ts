/** Namespace-wide mutual TLS mode. */
export function peerAuthentication(mode: "STRICT" | "PERMISSIVE" | "DISABLE"): string {
  return `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: ${mode} } }
`;
}
