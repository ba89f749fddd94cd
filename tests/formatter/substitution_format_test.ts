import assert from "node:assert/strict";
import fc from "fast-check";
import { compileHeaderFormat, compileJsonFormat, compileTextFormat } from "../../lib/formatter/substitution_format.ts";
import type { StreamInfo } from "../../lib/formatter/stream_info.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import { fakeStreamInfo } from "./fake_stream_info.ts";

function text(format: string, overrides: Partial<StreamInfo> = {}): string {
  return compileTextFormat(format, { hostname: "vm", environment: (name) => name === "HOME" ? "/root" : undefined })(
    fakeStreamInfo(overrides),
  );
}

Deno.test("writes every operator", () => {
  const table: [string, string][] = [
    ["%START_TIME%", "2026-11-24T03:42:00.687Z"],
    [
      "%START_TIME(%Y/%m/%dT%H:%M:%S%z %3f %6f %9f %s %b %e %j)%",
      "2026/11/24T03:42:00+0000 687 687000 687000000 1795491720 Nov 24 328",
    ],
    ["%START_TIME(%s.%3f)%", "1795491720.687"],
    ["%EMIT_TIME(%3f)%", "699"],
    ["%REQ(X-A?:PATH):3%", "/re"],
    ["%REQ(X-MISSING):3%", "-"],
    ["%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%", "GET /reviews/1?full HTTP/1.1"],
    ["%REQ(HOST)%|%REQ(:SCHEME)%", "reviews:9080|http"],
    ["%RESP(X-Envoy-Upstream-Service-Time)%|%RESP(:STATUS)%|%RESP(nope)%", "11|200|-"],
    ["%TRAILER(grpc-status)%", "-"],
    ["%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%", "200 - via_upstream"],
    ["%CONNECTION_TERMINATION_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%", "- -"],
    ["%BYTES_RECEIVED% %BYTES_SENT% %DURATION%", "0 379 12"],
    ["%REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES%", "185 124"],
    ["%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", "10.0.0.7:9080 10.0.0.7 9080"],
    ["%UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW%", "outbound|9080||reviews.default.svc.cluster.local ".repeat(2).trim()],
    ["%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%", "10.0.0.1:41234 1"],
    [
      "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%",
      "10.96.0.9:9080 10.96.0.9 9080",
    ],
    ["%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.0.0.1:55000 10.0.0.1"],
    ["%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "10.0.0.1:55000"],
    ["%REQUESTED_SERVER_NAME% %ROUTE_NAME% %HOSTNAME%", "- default vm"],
    ["%DOWNSTREAM_PEER_URI_SAN% %UPSTREAM_PEER_URI_SAN%", "- spiffe://cluster.local/ns/default/sa/reviews"],
    ["%GRPC_STATUS% %GRPC_STATUS_NUMBER%", "- -"],
    ["%PATH(NQ)% %PATH(WQ:PATH)% %PATH(WQ:ORIG)%", "/reviews/1 /reviews/1?full -"],
    ["%QUERY_PARAM(full)%|%QUERY_PARAM(nope)%", "|-"],
    ["%UNIQUE_ID%", "a38064e2-f292-4ceb-8ca2-5aad556e2905"],
    ["%ENVIRONMENT(HOME)% %ENVIRONMENT(NOPE)%", "/root -"],
    ["%DYNAMIC_METADATA(a:b)% %FILTER_STATE(x)%", "- -"],
    ["%DOWNSTREAM_TLS_CIPHER%", "-"],
    ["100%% %RESPONSE_CODE%%PROTOCOL%", "100% 200HTTP/1.1"],
    ["", ""],
  ];
  for (const [format, expected] of table) assert.equal(text(format), expected, format);
});

Deno.test("reads filter state, dynamic metadata and gRPC status", () => {
  const overrides: Partial<StreamInfo> = {
    dynamicMetadata: new Map([["com.test", { key: "foo", object: { inner: 1, flag: true } }]]),
    filterState: new Map([["io.istio.peer_principal", "spiffe://td/ns/a/sa/b"]]),
    requestHeaders: new HeaderList(["content-type", "application/grpc+proto"]),
    responseTrailers: new HeaderList(["grpc-status", "14"]),
  };
  const table: [string, string][] = [
    ["%DYNAMIC_METADATA(com.test:key)%", "foo"],
    ["%DYNAMIC_METADATA(com.test:object:inner)%", "1"],
    ["%DYNAMIC_METADATA(com.test:object)%", '{"inner":1,"flag":true}'],
    ["%DYNAMIC_METADATA(com.test:object):5%", '{"inn'],
    ["%DYNAMIC_METADATA(com.test:object:none)%|%DYNAMIC_METADATA(com.test:toString)%", "-|-"],
    ["%FILTER_STATE(io.istio.peer_principal:PLAIN)%", "spiffe://td/ns/a/sa/b"],
    ["%FILTER_STATE(io.istio.peer_principal):9%", "spiffe://"],
    ["%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)%", "Unavailable UNAVAILABLE 14"],
  ];
  for (const [format, expected] of table) assert.equal(text(format, overrides), expected, format);
});

Deno.test("writes Istio's default line as a sidecar does", () => {
  const format =
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% ' +
    '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% ' +
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";
  assert.equal(
    text(format),
    '[2026-11-24T03:42:00.687Z] "GET /reviews/1?full HTTP/1.1" 200 - via_upstream - "-" 0 379 12 11 "-" "curl/7.88.1" ' +
      '"a38064e2-f292-4ceb-8ca2-5aad556e2905" "reviews:9080" "10.0.0.7:9080" ' +
      "outbound|9080||reviews.default.svc.cluster.local 10.0.0.1:41234 10.96.0.9:9080 10.0.0.1:55000 - default\n",
  );
  const refused = text(format, {
    responseCode: 503,
    responseFlags: "UF,URX",
    responseCodeDetails: "upstream_reset_before_response_started{remote connection failure}",
    upstreamTransportFailureReason: "TLS_error: wrong CA",
    responseHeaders: null,
    upstreamLocalAddress: null,
    durationMs: null,
  });
  assert.match(
    refused,
    / 503 UF,URX upstream_reset_before_response_started\{remote_connection_failure\} - "TLS_error:_wrong_CA" 0 379 - - /,
  );
});

Deno.test("a header value leaves out what is absent", () => {
  const table: [string, string][] = [
    ["[%REQ(nope)%]", "[]"],
    ["%REQ(nope)%", ""],
    ["%RESPONSE_FLAGS%;%FILTER_STATE(x)%;%RESPONSE_CODE%", "-;;200"],
    ["100%%", "100%"],
    ["é", "\xc3\xa9"],
  ];
  for (const [format, expected] of table) {
    assert.equal(compileHeaderFormat(format)(fakeStreamInfo()), expected, format);
  }
});

Deno.test("JSON keeps types and sorts keys, as Envoy was seen to", () => {
  const format = compileJsonFormat({
    code: "%RESPONSE_CODE%",
    flags: "%RESPONSE_FLAGS%",
    mixed: "c=%RESPONSE_CODE% %REQ(nope)%",
    nope: "%REQ(nope)%",
    nested: { p: "%PROTOCOL%", n: 5, b: true },
    list: ["%RESPONSE_CODE%", "x"],
    quoted: "%REQ(x-q)%",
    md: "%DYNAMIC_METADATA(a)%",
    cut: "%REQ(:PATH):2%",
    lit: "plain",
    two: "%RESPONSE_CODE%%PROTOCOL%",
    absent: "%GRPC_STATUS_NUMBER%",
  });
  const info = fakeStreamInfo({
    requestHeaders: new HeaderList(["x-q", 'he"l\\lo\t\xc3\xa9<>&']),
    dynamicMetadata: new Map([["a", { x: 1 }]]),
  });
  const line = new TextDecoder().decode(Uint8Array.from(format(info), (unit) => unit.charCodeAt(0)));
  assert.equal(
    line,
    '{"absent":null,"code":200,"cut":"/r","flags":"-","list":[200,"x"],"lit":"plain","md":{"x":1},"mixed":"c=200 -",' +
      '"nested":{"b":true,"n":5,"p":"HTTP/1.1"},"nope":null,"quoted":"he\\"l\\\\lo\\té<>&","two":"200HTTP/1.1"}',
  );
});

Deno.test("empty values may be left out", () => {
  const json = compileJsonFormat(
    {
      code: "%RESPONSE_CODE%",
      nope: "%REQ(nope)%",
      mixed: "c=%RESPONSE_CODE% %REQ(nope)%",
      nest: { a: "%REQ(nope)%" },
    },
    { omitEmptyValues: true },
  );
  assert.equal(json(fakeStreamInfo()), '{"code":200,"mixed":"c=200 "}');
  const line = compileTextFormat("a[%REQ(nope)%] [%RESPONSE_FLAGS%]", { omitEmptyValues: true });
  assert.equal(line(fakeStreamInfo()), "a[] [-]");
});

Deno.test("a value that is not UTF-8 still makes valid JSON", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
    const value = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const line = compileJsonFormat({ v: "%REQ(x)%" })(fakeStreamInfo({ requestHeaders: new HeaderList(["x", value]) }));
    const utf8 = Uint8Array.from(line, (unit) => unit.charCodeAt(0));
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(utf8));
  }));
});

Deno.test("says what is wrong with a format", () => {
  const table: [string, RegExp][] = [
    ["a % b", /operator at position 2 of format 'a % b'/],
    ["%REQ(x", /operator at position 0/],
    ["%REQ(x)", /operator at position 0/],
    ["50%", /operator at position 2/],
    ["%PROTOCOL", /operator at position 0/],
    ["%NO_SUCH%", /'%NO_SUCH%': it is not known/],
    ["%REQ%", /'%REQ%': it needs an argument, write '%REQ\(\.\.\.\)%'/],
    ["%REQ(a?b?c)%", /write it '\(MAIN\?ALTERNATIVE\)'/],
    ["%PROTOCOL(x)%", /'%PROTOCOL\(x\)%': it takes no argument/],
    ["%PROTOCOL:3%", /'%PROTOCOL%': it takes no length, leave ':3' out/],
    ["%START_TIME(%Q)%", /the conversion '%Q' is not known/],
  ];
  for (const [format, message] of table) assert.throws(() => compileTextFormat(format), message, format);
});
