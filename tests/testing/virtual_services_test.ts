import assert from "node:assert/strict";
import { networking } from "./generate/generated.ts";
import { ObjectStore } from "../../lib/testing/object_store.ts";
import { named } from "../../lib/testing/named.ts";
import { VirtualServices } from "../../lib/testing/virtual_services.ts";

const spec = (hosts: string, rest = "") => `{hosts: ${hosts}, ${rest} http: [{route: [{destination: {host: a}}]}]}`;

function of(...documents: string[]): VirtualServices {
  const store = new ObjectStore();
  for (const document of documents) store.apply(document);
  return new VirtualServices(store.all("VirtualService").map(named), "cluster.local");
}

const names = (services: VirtualServices, namespace: string) =>
  services.visibleTo(namespace).map(({ name }) => name).join(" ");

Deno.test("private ones go first, then those exported by name, then public ones; the oldest of each first", () => {
  const services = of(
    networking("VirtualService", spec("[a]"), "public-b"),
    networking("VirtualService", spec("[a]"), "public-a", "shop"),
    networking("VirtualService", spec("[a]", 'exportTo: ["."],'), "private"),
    networking("VirtualService", spec("[a]", "exportTo: [default],"), "named", "shop"),
    networking("VirtualService", spec("[a]", "exportTo: [other],"), "elsewhere"),
    networking("VirtualService", spec("[a]", 'gateways: ["shop/edge"],'), "edge"),
    networking("VirtualService", spec("[a]", 'gateways: ["shop/edge", mesh],'), "both"),
    networking("VirtualService", spec("[]"), "delegate"),
  );
  assert.equal(names(services, "default"), "private named public-b public-a both");
  assert.equal(names(services, "other"), "elsewhere public-b public-a both");
  assert.equal(names(services, "shop"), "public-b public-a both");
});

Deno.test("what one call creates is of one age: the first by name stands for the oldest", () => {
  const documents = ["b", "a"].map((name) => networking("VirtualService", spec("[x]"), name)).join("\n---\n");
  assert.equal(names(of(documents), "default"), "a b");
});

Deno.test("an object keeps its age when it changes, and loses it when it is deleted", () => {
  const store = new ObjectStore();
  const view = () => names(new VirtualServices(store.all("VirtualService").map(named), "cluster.local"), "default");
  for (const name of ["z", "a", "z"]) store.apply(networking("VirtualService", spec("[x]"), name));
  assert.equal(view(), "z a");
  store.delete({ kind: "VirtualService", name: "z" });
  store.apply(networking("VirtualService", spec("[x]"), "z"));
  assert.equal(view(), "a z");
});

Deno.test("short names are those of the object's namespace, a delegate's those of its own", () => {
  const services = of(
    networking(
      "VirtualService",
      "{hosts: [a], http: [{match: [{uri: {prefix: /d}}], delegate: {name: d, namespace: shop}}, {route: [{destination: {host: b}}], mirrors: [{destination: {host: c}}]}]}",
    ),
    networking("VirtualService", "{http: [{route: [{destination: {host: e}}]}]}", "d", "shop"),
  );
  const { value } = services.visibleTo("default")[0]!;
  assert.deepEqual(value.hosts, ["a.default.svc.cluster.local"]);
  assert.deepEqual(value.http.map(({ destinations }) => destinations[0]!.host), [
    "e.shop.svc.cluster.local",
    "b.default.svc.cluster.local",
  ]);
  assert.equal(value.http[1]!.mirrors[0]!.host, "c.default.svc.cluster.local");
});

Deno.test("a delegate that is missing or not exported leaves nothing", () => {
  const rootSpec = "{hosts: [a], http: [{delegate: {name: d, namespace: shop}}]}";
  const delegate = (exportTo: string) =>
    networking("VirtualService", `{exportTo: ${exportTo}, http: [{route: [{destination: {host: e}}]}]}`, "d", "shop");
  const left = (...documents: string[]) =>
    of(networking("VirtualService", rootSpec), ...documents).visibleTo("default")[0]!.value.http.length;
  assert.equal(left(), 0);
  assert.equal(left(delegate('["."]')), 0);
  assert.equal(left(delegate("[default]")), 1);
  assert.equal(left(delegate('["*"]')), 1);
});
