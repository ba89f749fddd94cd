import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";

const SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}";

Deno.test("several documents are applied at once, or none of them", () => {
  const store = new ObjectStore();
  assert.throws(() => store.apply(`${SERVICE}\n---\n{apiVersion: v1, kind: Service, metadata: {}}`), MeshError);
  assert.equal(store.all("Service").length, 0);
  const { scopes } = store.apply(`${SERVICE}\n---\n\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: x}}`);
  assert.equal(store.all("Service").length, 1);
  assert.ok(scopes.has("clusters"));
});

Deno.test("an object applied again replaces itself; deleting takes a reference or the YAML", () => {
  const store = new ObjectStore();
  store.apply(SERVICE);
  store.apply(SERVICE.replace("80", "81"));
  assert.equal(store.all("Service")[0]!.value.ports[0]!.port, 81);
  store.delete({ kind: "Service", name: "a" });
  assert.equal(store.all("Service").length, 0);
  store.apply(SERVICE);
  store.delete(SERVICE);
  assert.throws(() => store.delete(SERVICE), /Cannot delete Service 'default\/a': it was never applied/);
});

Deno.test("what is wrong is named: the object, the field, the value", () => {
  const store = new ObjectStore();
  const cases: [string, RegExp][] = [
    ["{a: [}", /^Cannot read the YAML: /],
    ["just text", /Cannot apply the object: the document must be an object/],
    ["{kind: Service, metadata: {name: a}}", /field 'apiVersion' is required/],
    ["{apiVersion: v1, kind: Ingress, metadata: {name: a}}", /Cannot use kind 'Ingress'.*istiod\.push\(\)/],
    [
      "{apiVersion: apps/v1, kind: Service, metadata: {name: a}}",
      /'apiVersion' does not belong to 'Service', current value is 'apps\/v1'/,
    ],
    ["{apiVersion: v1, kind: Service, metadata: {}}", /field 'metadata.name' is required/],
    ["{apiVersion: v1, kind: Service, metadata: {name: a}}", /Service 'default\/a': field 'spec' is required/],
    [
      SERVICE.replace("80", "70000"),
      /field 'spec.ports\[0\].port' must be a number from 1 to 65535, current value is '70000'/,
    ],
    [
      "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p}, spec: {mtls: {mode: ON}}}",
      /'spec.mtls.mode' must be one of UNSET, STRICT, PERMISSIVE, DISABLE, current value is 'ON'/,
    ],
    [
      "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [a], tpc: []}}",
      /VirtualService 'default\/v': field 'spec.tpc' is not supported by FakeIstiod; use istiod.push\(\)/,
    ],
    [
      "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [a], http: [{timeout: soon, route: [{destination: {host: a}}]}]}}",
      /'spec.http\[0\].timeout' must be a duration such as '1.5s', current value is 'soon'/,
    ],
    [
      "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [a], http: [{}]}}",
      /'spec.http\[0\].route' is required, or one of 'redirect', 'directResponse' and 'delegate'/,
    ],
    ["{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: e}}", /kubernetes.io\/service-name/],
  ];
  for (const [yaml, message] of cases) {
    assert.throws(() => store.apply(yaml), (error: Error) => {
      assert.ok(error instanceof MeshError, yaml);
      assert.equal(error.code, "CONFIG_INVALID");
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("a document that multiplies itself by aliases is refused", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 8; i++) lines.push(`a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]`);
  assert.throws(() => new ObjectStore().apply(lines.join("\n")), /alias/i);
});
