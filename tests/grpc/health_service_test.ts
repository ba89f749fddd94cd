import * as grpc from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { decode, encode } from "../../lib/protobuf/registry.ts";
import { GreeterService, withGreeter } from "../support/greeter.ts";

const request = (service: string) => Buffer.from(encode("grpc.health.v1.HealthCheckRequest", { service }));
const status = (bytes: Uint8Array) => decode("grpc.health.v1.HealthCheckResponse", bytes).status;

function ask(client: grpc.Client, method: string, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    client.makeUnaryRequest<Buffer, Buffer>(
      `/grpc.health.v1.Health/${method}`,
      (value) => value,
      (value) => value,
      message,
      (error, value) => error === null ? resolve(value!) : reject(error),
    )
  );
}

/** Statuses of a call that watches, one by one. */
function watch(client: grpc.Client, service: string) {
  const call = client.makeServerStreamRequest<Buffer, Buffer>(
    "/grpc.health.v1.Health/Watch",
    (value) => value,
    (value) => value,
    request(service),
  );
  const ended = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
  call.on("error", () => {});
  const statuses = call[Symbol.asyncIterator]();
  return { call, ended, next: async () => status((await statuses.next()).value) };
}

Deno.test("the server and each of its services has a status", async () => {
  await withGreeter({}, async ({ client, server }) => {
    const check = async (service: string) => status(await ask(client, "Check", request(service)));
    assert.equal(await check(""), "SERVING");
    assert.equal(await check("test.Greeter"), "SERVING");
    await assert.rejects(check("test.Stranger"), (error: grpc.ServiceError) => error.code === grpc.status.NOT_FOUND);
    server.setServingStatus("test.Greeter", "NOT_SERVING");
    assert.equal(await check("test.Greeter"), "NOT_SERVING");
    const { statuses } = decode("grpc.health.v1.HealthListResponse", await ask(client, "List", Buffer.alloc(0)));
    assert.deepEqual(statuses, { "": { status: "SERVING" }, "test.Greeter": { status: "NOT_SERVING" } });
    server.removeService(GreeterService);
    await assert.rejects(check("test.Greeter"), /NOT_FOUND/);
    await assert.rejects(ask(client, "Check", Buffer.from([255])), /INTERNAL/);
  });
});

Deno.test("who watches is told of changes, also of services to come, and of the end", async () => {
  await withGreeter({}, async ({ client, server, listener }) => {
    const greeter = watch(client, "test.Greeter");
    const later = watch(client, "test.Later");
    const gone = watch(client, "test.Greeter");
    assert.equal(await greeter.next(), "SERVING");
    assert.equal(await later.next(), "SERVICE_UNKNOWN");
    assert.equal(await gone.next(), "SERVING");
    gone.call.cancel();
    await gone.ended;
    server.setServingStatus("test.Greeter", "NOT_SERVING");
    server.setServingStatus("test.Greeter", "NOT_SERVING");
    server.setServingStatus("test.Greeter", "SERVING");
    server.setServingStatus("test.Later", "SERVING");
    assert.equal(await greeter.next(), "NOT_SERVING");
    assert.equal(await greeter.next(), "SERVING");
    assert.equal(await later.next(), "SERVING");
    const drained = listener.drain();
    assert.equal(await greeter.next(), "NOT_SERVING");
    assert.equal(await later.next(), "NOT_SERVING");
    assert.equal((await greeter.ended).code, grpc.status.UNAVAILABLE);
    await drained;
  });
});

Deno.test("the health service can be switched off, or be the user's own", async () => {
  await withGreeter({}, async ({ client, server }) => {
    server.setServingStatus("", "NOT_SERVING");
    await assert.rejects(ask(client, "Check", request("")), /UNIMPLEMENTED/);
  }, { health: false });
  await withGreeter({}, async ({ client, server }) => {
    server.addService({
      check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (value: Buffer) => value,
      },
    }, {
      check: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) =>
        callback(null, Buffer.from(encode("grpc.health.v1.HealthCheckResponse", { status: "UNKNOWN" }))),
    });
    assert.equal(status(await ask(client, "Check", request(""))), "UNKNOWN");
  });
});
