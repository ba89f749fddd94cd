/** A Service `echo` of namespace `default` with one replica on loopback, as the control plane is told of it. */
export function echoWorkload(port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: default }
spec:
  clusterIP: 10.96.7.1
  clusterIPs: [10.96.7.1]
  selector: { app: echo }
  type: ClusterIP
  ports: [{ name: http, port: 80, targetPort: ${port}, protocol: TCP }]
---
apiVersion: v1
kind: Pod
metadata:
  name: echo-1
  namespace: default
  labels: { app: echo, security.istio.io/tlsMode: istio, service.istio.io/canonical-name: echo }
spec: { serviceAccountName: echo, containers: [{ name: app, image: example.test/app }] }
status:
  phase: Running
  podIP: 127.0.0.1
  podIPs: [{ ip: 127.0.0.1 }]
  conditions: [{ type: Ready, status: "True" }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: echo-1, namespace: default, labels: { kubernetes.io/service-name: echo } }
addressType: IPv4
endpoints:
  - addresses: [127.0.0.1]
    conditions: { ready: true, serving: true, terminating: false }
    targetRef: { kind: Pod, name: echo-1, namespace: default }
ports: [{ name: http, port: ${port}, protocol: TCP }]
`;
}
