import assert from "node:assert/strict";
import { MeshError } from "../../../lib/errors.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import { networking } from "../generate/generated.ts";

const TO = "route: [{destination: {host: a}}]";
const http = (fields: string) => `{hosts: [a], http: [{${fields}}]}`;
const policy = (fields: string) => `{host: a, trafficPolicy: {${fields}}}`;

/** What istiod's validation or FakeIstiod refuses: the path of the field and what is wrong with it. */
const VIRTUAL_SERVICES: readonly (readonly [string, string])[] = [
  ["{hosts: [a], htpp: []}", "'spec.htpp' is not supported"],
  ["{hosts: [a]}", "'spec.http' is required, or 'tls' or 'tcp'"],
  [`{hosts: [a], exportTo: ['~'], http: [{${TO}}]}`, "'spec.exportTo' must not hold '~'"],
  [`{hosts: [a], exportTo: ['*', shop], http: [{${TO}}]}`, "'spec.exportTo' must not hold '*' beside other namespaces"],
  ["{http: [{delegate: {name: b}}]}", "'spec.hosts' is required: what others delegate to must not delegate itself"],
  ["{tcp: [{route: [{destination: {host: a}}]}]}", "'spec.hosts' is required"],
  [http("match: [{url: {exact: /}}], " + TO), "'spec.http[0].match[0].url' is not supported"],
  [http("match: [{uri: {glob: /}}], " + TO), "'spec.http[0].match[0].uri.glob' is not supported"],
  [http("match: [{uri: {exact: /, prefix: /}}], " + TO), "'spec.http[0].match[0].uri' must have one of"],
  [http("match: [{headers: {'@request.auth.claims.x': {exact: y}}}], " + TO), "is only for gateways"],
  [http("delegate: {name: b}, " + TO), "'spec.http[0].route' must not be there beside 'delegate'"],
  [http("directResponse: {status: 200}, " + TO), "'spec.http[0].route' is required, or one of"],
  [http("directResponse: {body: {string: x}}"), "'spec.http[0].directResponse.status' is required"],
  [
    http("directResponse: {status: 200, body: {bytes: '?'}}"),
    "'spec.http[0].directResponse.body.bytes' must be base64",
  ],
  [
    http("redirect: {uri: /, prefixRewrite: /}"),
    "'spec.http[0].redirect.prefixRewrite' must not be there beside 'uri'",
  ],
  [http("redirect: {redirectCode: 302}"), "'spec.http[0].redirect.uri' is required, or one of"],
  [http("redirect: {uri: /, redirectCode: 305}"), "must be one of 301, 302, 303, 307 and 308, current value is '305'"],
  [http("redirect: {uri: /}, rewrite: {uri: /}"), "'spec.http[0].rewrite' must not be there beside 'redirect'"],
  [http("redirect: {uri: /}, fault: {}"), "'spec.http[0].fault' must not be there beside 'redirect'"],
  [
    http("retries: {retryOn: 5xx}, " + TO),
    "'spec.http[0].retries.attempts' must be 1 or more where 'retryOn' is there",
  ],
  [
    http("fault: {delay: {exponentialDelay: 1s}}, " + TO),
    "'spec.http[0].fault.delay.exponentialDelay' is not supported",
  ],
  [http("fault: {delay: {percent: 1}}, " + TO), "'spec.http[0].fault.delay.fixedDelay' is required"],
  [http("fault: {abort: {percentage: {value: 1}}}, " + TO), "'spec.http[0].fault.abort.httpStatus' is required, or"],
  [http("fault: {abort: {grpcStatus: NOPE}}, " + TO), "'spec.http[0].fault.abort.grpcStatus' must be one of OK, "],
  [http("mirror: {host: b}, mirrors: [], " + TO), "'spec.http[0].mirrors' must not be there beside 'mirror'"],
  [http("mirror: {host: b}, mirrorPercentage: {value: 101}, " + TO), "must be a number from 0 to 100"],
  [
    http("route: [{destination: {host: a}, weight: 0}, {destination: {host: b}}]"),
    "must have weights whose sum is not 0",
  ],
  [http("route: [{destination: {host: a, port: {name: http}}}]"), "destination.port.name' is not supported"],
  [http("route: [{weight: 1}]"), "'spec.http[0].route[0].destination' is required"],
  [http("corsPolicy: {allowOrigins: [{}]}, " + TO), "'spec.http[0].corsPolicy.allowOrigins' must hold one of"],
  [http("timeout: never, " + TO), "must be a duration such as '1.5s', current value is 'never'"],
  ["{hosts: [a], tls: [{route: [{destination: {host: a}}]}]}", "'spec.tls[0].match' is required"],
  [
    "{hosts: [a], tls: [{match: [{port: 1}], route: [{destination: {host: a}}]}]}",
    "'spec.tls[0].match[0].sniHosts' is required",
  ],
  ["{hosts: [a], tcp: [{match: [{sniHosts: [a]}], route: [{destination: {host: a}}]}]}", "sniHosts' is not supported"],
  ["{hosts: [a], tcp: [{}]}", "'spec.tcp[0].route' is required"],
];

const DESTINATION_RULES: readonly (readonly [string, string])[] = [
  ["{}", "'spec.host' is required"],
  ["{host: a, subsets: [{labels: {a: b}}]}", "'spec.subsets[0].name' is required"],
  ["{host: a, workloadSelector: {labels: {}}}", "'spec.workloadSelector.labels' is not supported"],
  [policy("loadBalancer: {simple: BEST}"), "loadBalancer.simple' must be one of"],
  [
    policy("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}"),
    "loadBalancer.simple' must not be there beside 'consistentHash'",
  ],
  [policy("loadBalancer: {consistentHash: {}}"), "consistentHash.httpHeaderName' must be there, or one of"],
  [
    policy("loadBalancer: {consistentHash: {httpHeaderName: a, useSourceIp: true}}"),
    "consistentHash.httpHeaderName' must be there, or one of",
  ],
  [policy("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}"), "maglev.tableSize' is required"],
  [policy("loadBalancer: {warmup: {}}"), "warmup.duration' is required"],
  [
    policy("loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 60, c: 60}}]}}"),
    "distribute[0].to' must have shares whose sum is 100, current sum is '120'",
  ],
  [
    policy("loadBalancer: {localityLbSetting: {failover: [], distribute: [{from: a, to: {b: 100}}]}}"),
    "distribute' must not be there beside 'failover'",
  ],
  [
    policy("connectionPool: {http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}"),
    "useClientProtocol' must not be true beside 'h2UpgradePolicy: UPGRADE'",
  ],
  [policy("outlierDetection: {consecutiveErrors: 1}"), "outlierDetection.consecutiveErrors' is not supported"],
  [policy("portLevelSettings: [{tls: {mode: DISABLE}}]"), "portLevelSettings[0].port.number' is required"],
  [
    policy("portLevelSettings: [{port: {number: 1}, retryBudget: {}}]"),
    "portLevelSettings[0].retryBudget' is not supported",
  ],
  [policy("tls: {mode: MUTUAL}"), "tls.clientCertificate' is required with mode 'MUTUAL', or 'credentialName'"],
  [
    policy("tls: {mode: SIMPLE, credentialName: a, caCertificates: /b}"),
    "tls.caCertificates' must not be there beside",
  ],
  [policy("tls: {mode: ISTIO_MUTUAL, privateKey: /b}"), "tls.privateKey' must not be there beside mode 'ISTIO_MUTUAL'"],
  [policy("tunnel: {targetHost: a}"), "tunnel.targetPort' is required"],
  [policy("proxyProtocol: {version: V3}"), "proxyProtocol.version' must be one of V1, V2"],
];

for (
  const [kind, cases] of [["VirtualService", VIRTUAL_SERVICES], ["DestinationRule", DESTINATION_RULES]] as const
) {
  Deno.test(`what a ${kind} must not say is refused by object and path`, () => {
    for (const [spec, message] of cases) {
      assert.throws(() => new ObjectStore().apply(networking(kind, spec)), (error: Error) => {
        assert.ok(error instanceof MeshError, spec);
        assert.equal(error.code, "CONFIG_INVALID");
        assert.ok(error.message.startsWith(`Cannot apply ${kind} 'default/x': field `), error.message);
        assert.ok(error.message.includes(message), `${spec}: ${error.message}`);
        return true;
      });
    }
  });
}

Deno.test("every version of Istio's networking group is taken", () => {
  for (const version of ["v1", "v1beta1", "v1alpha3"]) {
    const document = networking("DestinationRule", "{host: a}").replace("istio.io/v1", `istio.io/${version}`);
    new ObjectStore().apply(document);
  }
});
