import fc from "fast-check";
import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http/http2/hpack_decoder.ts";
import { HpackError } from "../../../lib/http/http2/hpack_error.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function decode(decoder: HpackDecoder, bytes: Uint8Array): string[] {
  const fields: string[] = [];
  decoder.decode(bytes, 0, bytes.length, { field: (name, value) => (fields.push(`${name}: ${value}`), true) });
  return fields;
}

const REQUESTS = [
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
  [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
  [
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
  ],
];

const RESPONSES = [
  [
    ":status: 302",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 307",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:21 GMT",
    "location: https://www.example.com",
  ],
  [
    ":status: 200",
    "cache-control: private",
    "date: Mon, 21 Oct 2013 20:13:22 GMT",
    "location: https://www.example.com",
    "content-encoding: gzip",
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
  ],
];

const SERIES: { name: string; limit: number; blocks: string[]; lists: string[][]; sizes: number[] }[] = [
  {
    name: "C.3, requests without Huffman coding",
    limit: 4096,
    blocks: [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    lists: REQUESTS,
    sizes: [57, 110, 164],
  },
  {
    name: "C.4, requests with Huffman coding",
    limit: 4096,
    blocks: [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    lists: REQUESTS,
    sizes: [57, 110, 164],
  },
  {
    name: "C.5, responses without Huffman coding, in a table of 256 bytes",
    limit: 256,
    blocks: [
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    lists: RESPONSES,
    sizes: [222, 222, 215],
  },
  {
    name: "C.6, responses with Huffman coding, in a table of 256 bytes",
    limit: 256,
    blocks: [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    lists: RESPONSES,
    sizes: [222, 222, 215],
  },
];

for (const { name, limit, blocks, lists, sizes } of SERIES) {
  Deno.test(`RFC 7541 appendix ${name}`, () => {
    const decoder = new HpackDecoder(limit);
    for (const [i, block] of blocks.entries()) {
      assert.deepEqual(decode(decoder, hex(block)), lists[i]);
      assert.equal(decoder.tableBytes, sizes[i]);
    }
  });
}

Deno.test("the single fields of RFC 7541 appendix C.2", () => {
  const vectors: [string, string, number][] = [
    ["400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header", 55],
    ["040c2f73616d706c652f70617468", ":path: /sample/path", 0],
    ["100870617373776f726406736563726574", "password: secret", 0],
    ["82", ":method: GET", 0],
  ];
  for (const [block, field, size] of vectors) {
    const decoder = new HpackDecoder();
    assert.deepEqual(decode(decoder, hex(block)), [field]);
    assert.equal(decoder.tableBytes, size);
  }
});

Deno.test("every class of wrong block is an HpackError", () => {
  const wrong: Record<string, string> = {
    "index 0": "80",
    "index above the table": "be",
    "name index above the table": "7e0161",
    "integer cut off": "ff",
    "integer too large": "ffffffffffffff7f",
    "integer without end": "ff8080808080808080808000",
    "string missing": "40",
    "string cut off": "400a6162",
    "value missing": "400161",
    "Huffman padding of zeros": "408164000161",
    "size update above the limit": "3fe21f",
    "size update behind a field": "8220",
    "size update cut off": "3f",
  };
  for (const [name, block] of Object.entries(wrong)) {
    assert.throws(() => decode(new HpackDecoder(), hex(block)), HpackError, name);
  }
});

Deno.test("a size update to nothing empties the table, and an entry above the limit does", () => {
  const decoder = new HpackDecoder();
  decode(decoder, hex("400161 0162"));
  assert.equal(decoder.tableBytes, 34);
  assert.deepEqual(decode(decoder, hex("20 3fe11f 82")), [":method: GET"]);
  assert.equal(decoder.tableBytes, 0);
  decode(decoder, hex("400161 0162"));
  decode(decoder, hex("3f01 400161 0162"));
  assert.equal(decoder.tableBytes, 0);
});

Deno.test("a sink that wants no more gets no more, and the table stays right", () => {
  const decoder = new HpackDecoder();
  const block = hex("400161 0162 400163 0164");
  const seen: string[] = [];
  decoder.decode(block, 0, block.length, { field: (name) => (seen.push(name), false) });
  assert.deepEqual(seen, ["a"]);
  assert.deepEqual(decode(decoder, hex("bebf")), ["c: d", "a: b"]);
});

Deno.test("garbage never throws anything but HpackError, and never grows the table beyond its limit", () => {
  const parts = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(
      hex("400161 0162"),
      hex("be"),
      hex("20"),
      hex("3fe11f"),
      hex("408825a849e95ba97d7f0161"),
      hex("82"),
    ),
  );
  fc.assert(fc.property(fc.array(fc.array(parts, { maxLength: 12 }), { maxLength: 6 }), (blocks) => {
    const decoder = new HpackDecoder(200);
    for (const block of blocks) {
      const bytes = Uint8Array.from(block.flatMap((part) => [...part]));
      try {
        decode(decoder, bytes);
      } catch (error) {
        assert.ok(error instanceof HpackError, String(error));
        return;
      }
      assert.ok(decoder.tableBytes <= 200);
    }
  }));
});
