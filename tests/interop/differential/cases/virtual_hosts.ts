import type { DifferentialCase } from "../case.ts";
import { answer, named, to } from "../routes.ts";

const paths = (...paths: string[]) => paths.map((path) => ({ path }));
const hosts = (...authorities: string[]) => authorities.map((authority) => ({ authority }));

const HOSTS = [
  named("exact", ["www.example.com"]),
  named("with port", ["www.example.com:8080"]),
  named("suffix", ["*.example.com"]),
  named("longer suffix", ["*.b.example.com"]),
  named("dashed suffix", ["*-x.example.com"]),
  named("prefix", ["www.*"]),
  named("longer prefix", ["www.example.*"]),
  named("v6", ["[::1]"]),
  named("v6 with port", ["[::1]:80"]),
];

const HOST_REQUESTS = hosts(
  "www.example.com",
  "WWW.Example.COM",
  "www.example.com:8080",
  "www.example.com:81",
  "www.example.com.",
  "a.example.com",
  "a.b.example.com",
  ".example.com",
  "example.com",
  "foo-x.example.com",
  "-x.example.com",
  "www.other.org",
  "www.example.org",
  "www.",
  "a.example.com:8080",
  "other.org",
  "[::1]",
  "[::1]:80",
  "[::1]:81",
  "test.example:{port}",
);

/** Which virtual host answers. */
export const VIRTUAL_HOST_CASES: readonly DifferentialCase[] = [
  { name: "matching: order of virtual hosts", virtualHosts: HOSTS, requests: HOST_REQUESTS },
  {
    name: "matching: order of virtual hosts with any",
    virtualHosts: [named("any", ["*"]), ...HOSTS],
    requests: HOST_REQUESTS,
  },
  {
    name: "matching: ports of hosts are ignored",
    virtualHosts: [named("any", ["*"]), ...HOSTS],
    routeConfig: { ignore_port_in_host_matching: true },
    requests: HOST_REQUESTS,
  },
  {
    name: "matching: any port is stripped",
    virtualHosts: [{ name: "all", domains: ["www.example.com"], routes: [to("a")] }, ...HOSTS.slice(1)],
    manager: { strip_any_host_port: true },
    requests: HOST_REQUESTS,
  },
  {
    name: "matching: the listener's own port is stripped",
    routes: [to("a")],
    manager: { strip_matching_host_port: true },
    requests: hosts("test.example:{port}", "test.example:81", "test.example", "[::1]:{port}"),
  },
  {
    name: "matching: a trailing dot of the host is stripped",
    routes: [to("a")],
    manager: { strip_trailing_host_dot: true },
    requests: hosts("test.example.", "test.example.:8080", "test.example", "test.example..", "."),
  },
  {
    name: "matching: a virtual host without the route does not fall through to the next",
    virtualHosts: [
      { name: "one", domains: ["test.example"], routes: [answer("one", { prefix: "/one" })] },
      named("any", ["*"]),
    ],
    requests: paths("/one", "/two"),
  },
  {
    name: "matching: a virtual host without routes",
    virtualHosts: [{ name: "one", domains: ["test.example"] }, named("any", ["*"])],
    requests: [{}, { authority: "other" }],
  },
  {
    name: "matching: two virtual hosts with one domain are refused",
    virtualHosts: [named("one", ["x.com"]), named("two", ["X.com"])],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: two virtual hosts with any domain are refused",
    virtualHosts: [named("one", ["*"]), named("two", ["*"])],
    requests: [{}],
    refused: true,
  },
  {
    name: "matching: two virtual hosts of one name",
    virtualHosts: [named("one", ["x.com"]), named("one", ["y.com"])],
    requests: [{}],
    refused: "alike",
  },
  {
    name: "matching: a star within a domain",
    virtualHosts: [named("one", ["a.*.com"])],
    requests: hosts("a.b.com", "a.*.com"),
  },
  {
    name: "matching: a domain with two stars",
    virtualHosts: [named("one", ["*.a.*"]), named("two", ["*b*"])],
    requests: hosts("x.a.y", "x.a.*", "b", "abc", "ab*"),
  },
  {
    name: "matching: TLS is required of all",
    virtualHosts: [named("all", ["*"], { require_tls: "ALL" })],
    requests: [
      { authority: "test.example:8080", path: "/a?b=c" },
      { headers: [["x-forwarded-proto", "https"]] },
      { method: "POST", body: "x" },
    ],
  },
  {
    name: "matching: TLS is required of external requests",
    virtualHosts: [named("all", ["*"], { require_tls: "EXTERNAL_ONLY" })],
    requests: [{}, { headers: [["x-envoy-internal", "true"]] }, { headers: [["x-forwarded-for", "10.0.0.1"]] }],
  },
];
