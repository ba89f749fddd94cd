import assert from "node:assert/strict";
import { MeshError } from "../../lib/errors.ts";
import { serveEndpoint } from "../../lib/transport/http_endpoint.ts";

Deno.test("serves on a free port until closed", async () => {
  const endpoint = serveEndpoint({ hostname: "127.0.0.1", port: 0 }, (request, { remoteHostname }) => {
    if (request.url.endsWith("/throw")) throw new Error("Secret details");
    return new Response(remoteHostname);
  });
  const base = `http://${endpoint.hostname}:${endpoint.port}`;
  const client = Deno.createHttpClient({});
  assert.equal(await (await fetch(base, { client })).text(), "127.0.0.1");
  const failed = await fetch(`${base}/throw`, { client });
  assert.deepEqual([failed.status, await failed.text()], [500, "Internal error\n"]);
  client.close();
  await endpoint.close();
  await assert.rejects(fetch(base));
});

Deno.test("says which address is in use", async () => {
  const endpoint = serveEndpoint({ hostname: "127.0.0.1", port: 0 }, () => new Response());
  assert.throws(
    () => serveEndpoint({ hostname: "127.0.0.1", port: endpoint.port }, () => new Response()),
    (error) =>
      error instanceof MeshError && error.code === "CONFIG_INVALID" &&
      error.message.startsWith(`Cannot serve on '127.0.0.1:${endpoint.port}': `),
  );
  await endpoint.close();
});
