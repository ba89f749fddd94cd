/** What a browser's library sends to a port of protocol gRPC-Web: it reaches a server of gRPC, with metrics of gRPC. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Mesh } from "../../mod.ts";
import { raw } from "../support/grpc_rig.ts";
import { MeshRig } from "../support/mesh_rig.ts";
import { until } from "../support/until.ts";

const ECHO = {
  echo: {
    path: "/t.Echo/Echo",
    requestStream: false,
    responseStream: false,
    requestDeserialize: raw.deserialize,
    responseSerialize: raw.serialize,
  },
};

function frame(flags: number, content: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([flags, 0, 0, 0, content.length, ...new TextEncoder().encode(content)]);
}

async function send(mesh: Mesh, path: string, type: string, body: BodyInit): Promise<{ head: Response; text: string }> {
  const head = await mesh.fetch(`http://echo:8080${path}`, {
    method: "POST",
    headers: { "content-type": type, accept: type, "x-grpc-web": "1" },
    body,
  });
  return { head, text: await head.text() };
}

Deno.test("a port of protocol gRPC-Web answers fetch, in bytes and in text, and counts gRPC", async () => {
  await MeshRig.use(async (rig) => {
    rig.service({ name: "echo", ports: [], port: 8080, portName: "grpc-web", targetPort: 27_101 });
    await rig.istiod.settled();
    const server = await rig.join("echo");
    const { addr } = await server.serveGrpc(
      { port: 0, hostname: "127.0.0.1", meshPort: 27_101, onListen: () => {} },
      (server) =>
        server.addService(ECHO, { echo: (call, callback) => callback(null, Buffer.from(`you said ${call.request}`)) }),
    );
    rig.endpoints("echo", [addr.port], { portName: "grpc-web" });
    await rig.istiod.settled();
    const mesh = await rig.join("page");

    const bytes = await send(mesh, "/t.Echo/Echo", "application/grpc-web+proto", frame(0, "hello"));
    assert.equal(bytes.head.headers.get("content-type"), "application/grpc-web+proto");
    assert.match(bytes.text, /^\0\0\0\0.you said hello.\0\0\0.*grpc-status:0\r\n/s);

    const text = await send(mesh, "/t.Echo/Echo", "application/grpc-web-text", frame(0, "hi").toBase64());
    assert.equal(text.head.headers.get("content-type"), "application/grpc-web-text+proto");
    const message = frame(0, "you said hi").toBase64();
    assert.ok(text.text.startsWith(message), text.text);
    assert.match(atob(text.text.slice(message.length)), /^\x80.*grpc-status:0\r\n/s);

    // A response of headers only has its status there.
    const unknown = await send(mesh, "/t.Echo/None", "application/grpc-web", frame(0, ""));
    assert.equal(unknown.head.headers.get("grpc-status"), "12");

    const counted = (reporting: Mesh, status: string) =>
      new RegExp(`^istio_requests_total\\{.*request_protocol="grpc".*grpc_response_status="${status}"`, "m").test(
        reporting.metrics(),
      );
    await until(
      "both sides have counted",
      () => [mesh, server].every((one) => counted(one, "0") && counted(one, "12")),
    );
  });
});
