/** A DestinationRule that says how callers speak TLS to a peer: it is no workload whose labels would say so. */
export function tlsMode(service: string, mode: "DISABLE" | "SIMPLE" | "ISTIO_MUTUAL"): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${service}, namespace: default }
spec: { host: ${service}.default.svc.cluster.local, trafficPolicy: { tls: { mode: ${mode} } } }
`;
}
