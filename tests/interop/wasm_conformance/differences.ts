import type { AcceptedDifference } from "../differential/differences.ts";

const BODY_END = /^(request|response)_body size=\d+ end=[01]$|^(log|done|delete|response_headers end=\d)$/;

/** Every difference between Envoy's Wasm filter and ours that is meant, with its reason. */
export const ACCEPTED_WASM_DIFFERENCES: readonly AcceptedDifference[] = [
  {
    reason: "content that has arrived whole is shown once, with its end; Envoy's HTTP/1 codec tells of the end apart",
    cases: /^callbacks: content that has arrived whole$/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) => BODY_END.test(envoy ?? "delete") && BODY_END.test(enmesh ?? "delete"),
  },
  {
    reason:
      "each module is told at once that a stream is over; Envoy tells all to log first, then each that it is done",
    cases: /^(callbacks: two modules|local reply: an outer|properties: what a module sets)/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) =>
      [envoy, enmesh].every((line) => /^(log|done|delete|property mine.*)$/.test(line ?? "")),
  },
  {
    reason: "a header with a line break or without a name is refused: it would be another header to the peer",
    cases: /^headers: (a value with a line break|an empty name)$/,
    field: /^(answer\.header (x-a|x-evil|)|trace)$/,
  },
  {
    reason: "headers of a request stay readable to its end: SDKs that take the refusal for an error of theirs trap",
    cases: /^headers: headers of the request beside the response$/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) => envoy === "get 0 :path: 2 " && enmesh === "get 0 :path: 0 /",
  },
  {
    reason: "a response keeps its status where a module removes it: there is no response without one",
    cases: /^pairs: (more|fewer) bytes|^pairs: a count/,
    field: /^(answer\.(status|body|header content-(type|length))|trace)$/,
    when: ({ field, envoy }) => field !== "trace" || envoy === "get 2 :status: 1 ",
  },
  {
    reason: "a header that is replaced keeps its place",
    cases: /^trailers: read, add, replace/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) => envoy?.length === enmesh?.length && (envoy ?? "").startsWith("pairs: 0 "),
  },
  {
    reason: "content may be edited anywhere, as the specification has it; Envoy takes edits at both ends only",
    cases: /^buffers: (replace a part in the middle|insert in the middle|replace the end)$/,
    field: /^(answer\.body|attempt\.body|trace)$/,
    when: ({ field, envoy }) => field !== "trace" || /^set_buffer \d: 2$/.test(envoy ?? ""),
  },
  {
    reason: "content whose length is known goes with it, whoever removed the header",
    cases: /^buffers: a content-length that no longer holds/,
    field: /^attempt\.header (transfer-encoding|content-length)$/,
  },
  {
    reason: "continuing what is not held back does nothing; Envoy sends the request a second time",
    cases: /^pause: continuing what is not held back/,
    field: /^(answer\.body|attempts)$/,
  },
  {
    reason: "the head of a request goes to its upstream with the first content; Envoy's has gone before",
    cases: /^(local reply: at (content|the end of content)|trap: in request_body)/,
    field: /^attempts$/,
    when: ({ enmesh }) => enmesh === "none",
  },
  {
    reason: "a module that a request never reached is not told of its end; Envoy creates a context to log it",
    cases: /^local reply: an inner module sees nothing/,
    field: /^trace$/,
  },
  {
    reason: "names of former versions, which Envoy no longer knows, are still answered",
    cases: /^properties: (text|numbers)/,
    field: /^trace$/,
    when: ({ envoy }) => /^property (cluster_name|route_name|listener_direction): 1 $/.test(envoy ?? ""),
  },
  {
    reason: "attributes of the request are there as long as the stream is; Envoy has none while the response passes",
    cases: /^properties: text at response headers/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) =>
      /^property request\.[\w.-]+: 1 $/.test(envoy ?? "") && /^property request\.[\w.-]+: 0 /.test(enmesh ?? ""),
  },
  {
    reason: "a filter chain has no name of its own here",
    cases: /^properties: text/,
    field: /^trace$/,
    when: ({ envoy }) => envoy === "property xds.filter_chain_name: 0 ",
  },
  {
    reason: "a response that has arrived whole tells its size at once",
    cases: /^properties: numbers at response headers/,
    field: /^trace$/,
    when: ({ envoy }) => envoy === "property response.size: 0 0000000000000000",
  },
  {
    reason: "a response that is no gRPC has no status of gRPC; Envoy makes one of its HTTP status",
    cases: /^properties: numbers/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) =>
      envoy === "property response.grpc_status: 0 0200000000000000" && enmesh === "property response.grpc_status: 1 ",
  },
  {
    reason: "a path that names no attribute is not found, or a map; Envoy fails to write the whole of it",
    cases: /^properties: names nobody knows/,
    field: /^trace$/,
    when: ({ envoy }) => /^property (|request|response): 3 $/.test(envoy ?? ""),
  },
  {
    reason: "headers of a request are readable beside its response, so what is missing there is not found",
    cases: /^context: effective only until/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) => envoy === "get 0 x-none: 2 " && enmesh === "get 0 x-none: 1 ",
  },
  {
    reason: "a length no header may have is a bad argument; Envoy finds it beyond the memory",
    cases: /^headers: pointers beyond the memory/,
    field: /^trace$/,
    when: ({ envoy, enmesh }) => envoy === "length: 6" && enmesh === "length: 2",
  },
  {
    reason: "failed calls say in the content what happened",
    cases: /^http call: a cluster that cannot be reached/,
    field: /^trace$/,
    when: ({ enmesh }) => /^(answer: body|buffer 4: 0 Cannot )/.test(enmesh ?? ""),
  },
  {
    reason: "a call to a cluster without endpoints fails as one that cannot be reached, by an answer; Envoy refuses it",
    cases: /^http call: a cluster without endpoints/,
    field: /^(trace|attempts|answer.*)$/,
  },
  {
    reason: "with FAIL_OPEN the request in which the module fails passes too; Envoy answers that one with 503",
    cases: /^trap: in .*FAIL_OPEN$/,
    field: /^(answer\.(status|body|broken|header (x-backend|x-envoy-upstream-service-time))|attempts|attempt\.body)$/,
    when: ({ field, enmesh }) => field !== "answer.status" || enmesh === "200",
  },
  {
    reason: "content shown before the module failed may not have been read yet when the stream breaks off",
    cases: /^trap: trailers of a response/,
    field: /^answer\.body$/,
  },
  {
    reason:
      "a module is started when its configuration has been taken: what it refuses fails its requests, not the update",
    cases: /^failure: /,
    field: /^configuration$/,
  },
];
