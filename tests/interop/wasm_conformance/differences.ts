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
];
