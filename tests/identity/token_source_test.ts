import assert from "node:assert/strict";
import { createTokenSource, peekClaims } from "../../lib/identity/token_source.ts";

Deno.test("a token file is read again for each request", async () => {
  let content = "first\n";
  const source = createTokenSource({ file: "/token" }, () => Promise.resolve(content));
  assert.equal(await source.read(), "first");
  content = "second";
  assert.equal(await source.read(), "second");
});

Deno.test("a missing token file and an empty token mean none", async () => {
  const missing = createTokenSource({ file: "/token" }, () => Promise.reject(new Deno.errors.NotFound()));
  assert.equal(await missing.read(), null);
  assert.equal(await createTokenSource(" \n").read(), null);
  assert.equal(await createTokenSource(null).read(), null);
});

Deno.test("an unreadable token file is an error, not a missing token", async () => {
  const source = createTokenSource({ file: "/token" }, () => Promise.reject(new Deno.errors.PermissionDenied("no")));
  await assert.rejects(source.read(), Deno.errors.PermissionDenied);
});

Deno.test("a function may give a token later", async () => {
  assert.equal(await createTokenSource(() => Promise.resolve("abc")).read(), "abc");
});

Deno.test("a token that would split the header is refused without being shown", async () => {
  await assert.rejects(createTokenSource("secret\r\nx-admin: 1").read(), (error: Error) => {
    assert.equal(error.message.includes("secret"), false);
    return true;
  });
});

Deno.test("a description never holds the token", () => {
  assert.equal(createTokenSource("secret").description.includes("secret"), false);
});

Deno.test("claims are read for messages", () => {
  const encode = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const payload = { exp: 1700, aud: "istio-ca", sub: "system:serviceaccount:default:sleep", iss: "k8s" };
  const claims = peekClaims(`${encode({ alg: "RS256" })}.${encode(payload)}.x`);
  assert.deepEqual(claims, {
    expiresAt: 1_700_000,
    audiences: ["istio-ca"],
    subject: "system:serviceaccount:default:sleep",
    issuer: "k8s",
  });
  for (const bad of ["", "a.b", "a.b.c", `a.${encode(null)}.c`, `a.${encode("x")}.c`]) {
    assert.equal(peekClaims(bad), null);
  }
});
