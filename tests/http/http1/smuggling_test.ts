/** What a server must refuse because two recipients could read it in two ways, by the status it answers with. */
import assert from "node:assert/strict";
import { readAll } from "../../../lib/http/body.ts";
import { HeaderList } from "../../../lib/http/header_list.ts";
import { serveHttp1 } from "../../../lib/http/http1/server_connection.ts";
import { silentLogger } from "../../../lib/internal/logger.ts";
import { FakeClock } from "../../../lib/testing/fake_clock.ts";
import { RawPeer } from "./raw_peer.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n";
const POST = "POST / HTTP/1.1\r\nhost: a\r\n";
const CHUNKED = `${POST}transfer-encoding: chunked\r\n`;

/** What, the bytes, and the status. */
const REFUSED: [string, string, number][] = [
  ["content-length and transfer-encoding", `${CHUNKED}content-length: 3\r\n\r\n0\r\n\r\n`, 400],
  ["transfer-encoding and content-length", `${POST}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n`, 400],
  ["two equal content-lengths", `${POST}content-length: 1\r\ncontent-length: 1\r\n\r\nx`, 400],
  ["two different content-lengths", `${POST}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`, 400],
  ["a list of content-lengths", `${POST}content-length: 1, 1\r\n\r\nx`, 400],
  ["a signed content-length", `${POST}content-length: +1\r\n\r\nx`, 400],
  ["a negative content-length", `${POST}content-length: -1\r\n\r\nx`, 400],
  ["a hexadecimal content-length", `${POST}content-length: 0x1\r\n\r\nx`, 400],
  ["an empty content-length", `${POST}content-length:\r\n\r\n`, 400],
  ["a huge content-length", `${POST}content-length: 99999999999999999999\r\n\r\n`, 400],
  ["another transfer-encoding", `${POST}transfer-encoding: gzip\r\n\r\n`, 501],
  ["a list of transfer-encodings", `${POST}transfer-encoding: gzip, chunked\r\n\r\n`, 501],
  ["chunked twice in one field", `${POST}transfer-encoding: chunked, chunked\r\n\r\n`, 501],
  ["chunked not last", `${POST}transfer-encoding: chunked, identity\r\n\r\n`, 501],
  ["chunked in quotes", `${POST}transfer-encoding: "chunked"\r\n\r\n`, 501],
  ["an empty transfer-encoding", `${POST}transfer-encoding:\r\n\r\n`, 501],
  ["a vertical tab in transfer-encoding", `${POST}transfer-encoding: \x0bchunked\r\n\r\n`, 400],
  ["two transfer-encodings", `${CHUNKED}transfer-encoding: chunked\r\n\r\n`, 400],
  ["transfer-encoding in HTTP/1.0", "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400],
  ["a space before the colon", `${GET}x : 1\r\n\r\n`, 400],
  ["a tab before the colon", `${GET}x\t: 1\r\n\r\n`, 400],
  ["a folded line", `${GET}x: 1\r\n 2\r\n\r\n`, 400],
  ["a folded line at the beginning", "GET / HTTP/1.1\r\n host: a\r\n\r\n", 400],
  ["a line without colon", `${GET}x\r\n\r\n`, 400],
  ["an empty name", `${GET}: 1\r\n\r\n`, 400],
  ["a name beyond ASCII", `${GET}\xe9: 1\r\n\r\n`, 400],
  ["a NUL in a name", `${GET}a\0: 1\r\n\r\n`, 400],
  ["a NUL in a value", `${GET}a: x\0y\r\n\r\n`, 400],
  ["a bare LF in a value", `${GET}a: x\ny: z\r\n\r\n`, 400],
  ["a bare CR in a value", `${GET}a: x\ry: z\r\n\r\n`, 400],
  ["a DEL in a value", `${GET}a: x\x7f\r\n\r\n`, 400],
  ["bare LFs as line ends", "GET / HTTP/1.1\nhost: a\n\n", 400],
  ["a bare LF before the empty line", "GET / HTTP/1.1\r\nhost: a\n\r\n", 400],
  ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two hosts", `${GET}host: a\r\n\r\n`, 400],
  ["an empty host", "GET / HTTP/1.1\r\nhost:\r\n\r\n", 400],
  ["a host with a path", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400],
  ["a host with user information", "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n", 400],
  ["a host with a space", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n", 400],
  ["a host with a word as port", "GET / HTTP/1.1\r\nhost: a:b\r\n\r\n", 400],
  ["an absolute target without host field", "GET http://a/ HTTP/1.1\r\n\r\n", 400],
  ["an absolute target with user information", "GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["an absolute target without host", "GET http:///x HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a target of another scheme", "GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a target without slash", "GET x HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a target with a fragment", "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a target beyond ASCII", "GET /\xe9 HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["an asterisk for GET", "GET * HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["two spaces in the request line", "GET  / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a tab in the request line", "GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a space at the end of the request line", "GET / HTTP/1.1 \r\nhost: a\r\n\r\n", 400],
  ["a space at the beginning", " GET / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["no version", "GET /\r\nhost: a\r\n\r\n", 400],
  ["a lower-case version", "GET / http/1.1\r\nhost: a\r\n\r\n", 400],
  ["a version with leading zero", "GET / HTTP/01.1\r\nhost: a\r\n\r\n", 400],
  ["version 1.2", "GET / HTTP/1.2\r\nhost: a\r\n\r\n", 505],
  ["version 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["a method that is no token", "G@T / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 501],
  ["another expectation", `${POST}expect: more\r\n\r\n`, 417],
  ["two empty lines before the request", "\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["a chunk size that is no number", `${CHUNKED}\r\nxyz\r\n`, 400],
  ["a signed chunk size", `${CHUNKED}\r\n+1\r\nx\r\n0\r\n\r\n`, 400],
  ["a prefixed chunk size", `${CHUNKED}\r\n0x1\r\nx\r\n0\r\n\r\n`, 400],
  ["a blank before a chunk size", `${CHUNKED}\r\n 1\r\nx\r\n0\r\n\r\n`, 400],
  ["a blank behind a chunk size", `${CHUNKED}\r\n1 \r\nx\r\n0\r\n\r\n`, 400],
  ["an empty chunk size", `${CHUNKED}\r\n\r\nx\r\n0\r\n\r\n`, 400],
  ["a chunk size beyond reason", `${CHUNKED}\r\n${"f".repeat(17)}\r\n`, 400],
  ["a bare LF behind a chunk size", `${CHUNKED}\r\n1\nx\r\n0\r\n\r\n`, 400],
  ["a bare CR behind a chunk size", `${CHUNKED}\r\n1\rX\r\n0\r\n\r\n`, 400],
  ["a bare LF in a chunk extension", `${CHUNKED}\r\n1;a\nx\r\n0\r\n\r\n`, 400],
  ["chunk data longer than its size", `${CHUNKED}\r\n1\r\nxx\r\n0\r\n\r\n`, 400],
  ["a bare LF behind chunk data", `${CHUNKED}\r\n1\r\nx\n0\r\n\r\n`, 400],
  ["endless chunk extensions", `${CHUNKED}\r\n1;${"a".repeat(5000)}\r\nx\r\n0\r\n\r\n`, 400],
  ["a malformed trailer", `${CHUNKED}\r\n0\r\nx : 1\r\n\r\n`, 400],
  ["a trailer section beyond the limit", `${CHUNKED}\r\n0\r\nx: ${"y".repeat(9000)}\r\n\r\n`, 431],
  ["a head beyond the limit", `${GET}x: ${"y".repeat(61_440)}\r\n\r\n`, 431],
  ["a head beyond the limit in many fields", `${GET}${`x: ${"y".repeat(1000)}\r\n`.repeat(70)}\r\n`, 431],
  ["too many fields", `${GET}${"x: y\r\n".repeat(100)}\r\n`, 431],
  ["a target beyond the limit", `GET /${"y".repeat(61_440)} HTTP/1.1\r\nhost: a\r\n\r\n`, 414],
  ["a first line without end", `GET /${"y".repeat(70_000)}`, 414],
  ["garbage without line end", "y".repeat(70_000), 414],
];

/** What has one meaning only and is to be served. */
const SERVED: [string, string, string][] = [
  ["one empty line before the request", `\r\n${GET}\r\n`, ""],
  ["blanks around values", `${GET}x:\t 1 \t\r\n\r\n`, ""],
  ["an empty value", `${GET}x:\r\n\r\n`, ""],
  ["upper-case Chunked", `${POST}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`, ""],
  ["chunk extensions", `${CHUNKED}\r\n1;a=b;c="d"\r\nx\r\n0;e\r\n\r\n`, "x"],
  ["upper-case and zero-padded chunk sizes", `${CHUNKED}\r\n000A\r\n0123456789\r\n00\r\n\r\n`, "0123456789"],
  ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", ""],
  ["an IPv6 host", "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", ""],
  ["a method nobody knows", "BREW / HTTP/1.1\r\nhost: a\r\n\r\n", ""],
  ["content for GET", `${GET}content-length: 2\r\n\r\nab`, "ab"],
  ["obs-text in a value", `${GET}x: \xff\r\n\r\n`, ""],
];

async function speak(bytes: string, maxChunk: number): Promise<{ text: string; handled: number }> {
  const peer = new RawPeer({ maxChunk, highWaterMark: Infinity });
  let handled = 0;
  const connection = serveHttp1(peer.stream, async (request) => {
    const content = await readAll(request.body);
    handled++;
    return {
      status: 200,
      headers: new HeaderList(),
      body: content!.length === 0 ? null : request.body && bytesBody(content!),
    };
  }, { clock: new FakeClock(), logger: silentLogger });
  peer.send(bytes);
  await peer.until(() => peer.text.includes("\r\n\r\n") && (peer.ended || /^HTTP\/1\.1 200/.test(peer.text)));
  connection.close();
  await connection.closed;
  return { text: peer.text, handled };
}

function bytesBody(bytes: Uint8Array) {
  return {
    length: bytes.length,
    trailers: null,
    whole: () => bytes,
    read: () => Promise.resolve(null),
    cancel: () => {},
  };
}

for (const [what, bytes, status] of REFUSED) {
  Deno.test(`serveHttp1() answers ${status} to ${what} and closes`, async () => {
    for (const maxChunk of bytes.length > 1000 ? [Infinity, 1000] : [Infinity, 7, 1]) {
      const { text, handled } = await speak(bytes, maxChunk);
      assert.equal(text.slice(0, 12), `HTTP/1.1 ${status}`, `in pieces of ${maxChunk}`);
      assert.match(text, /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n$/);
      assert.equal(handled, 0);
    }
  });
}

for (const [what, bytes, content] of SERVED) {
  Deno.test(`serveHttp1() serves ${what}`, async () => {
    for (const maxChunk of [Infinity, 7, 1]) {
      const { text, handled } = await speak(bytes, maxChunk);
      assert.equal(text, `HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n${content}`);
      assert.equal(handled, 1);
    }
  });
}
