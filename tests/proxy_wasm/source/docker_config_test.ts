import assert from "node:assert/strict";
import { registryCredentials } from "../../../lib/proxy_wasm/source/docker_config.ts";

const config = (auths: object) => JSON.stringify({ auths });
const basic = { kind: "basic", username: "u", password: "p:w" };

Deno.test("Credentials are found by registry, however its key is written", () => {
  const auth = { auth: btoa("u:p:w") };
  for (const key of ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "GHCR.io"]) {
    assert.deepEqual(registryCredentials(config({ [key]: auth }), "ghcr.io"), basic, key);
  }
  assert.equal(registryCredentials(config({ "ghcr.io:5000": auth }), "ghcr.io"), null);
  assert.deepEqual(registryCredentials(config({ "https://index.docker.io/v1/": auth }), "index.docker.io"), basic);
});

Deno.test("Every form of entry is read, and what is empty is none", () => {
  const of = (entry: unknown) => registryCredentials(config({ r: entry }), "r");
  assert.deepEqual(of({ username: "u", password: "p:w" }), basic);
  assert.deepEqual(of({ username: "u" }), { ...basic, password: "" });
  assert.deepEqual(of({ registrytoken: "t", auth: btoa("u:p") }), { kind: "token", token: "t" });
  for (const empty of [{}, null, "x", { auth: "" }, { password: "p" }]) assert.equal(of(empty), null);
  for (const whole of ["null", "{}", "[]", '{"auths":1}']) assert.equal(registryCredentials(whole, "r"), null);
});

Deno.test("What cannot be read is refused without being quoted", () => {
  for (const text of ["hunter2", config({ r: { auth: "hunter2!" } }), config({ r: { auth: btoa("hunter2") } })]) {
    assert.throws(() => registryCredentials(text, "r"), (error: Error) => {
      assert.match(error.message, /pull secret/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  }
});
