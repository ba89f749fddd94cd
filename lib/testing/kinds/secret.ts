import type { Kind } from "./kind.ts";

/** A Kubernetes Secret, as far as it concerns the pulling of images. */
export interface Secret {
  /** `.dockerconfigjson`: what a registry asks for; `null` where it holds none. */
  readonly dockerConfig: string | null;
}

const KEY = ".dockerconfigjson";

/**
 * `v1 Secret`. Of its contents only the Docker configuration is used; certificates are given with `FakeIstiod.secret`.
 */
export const secretKind: Kind<"Secret", Secret> = {
  kind: "Secret",
  groups: [""],
  pushes: ["extensions"],
  parse(_meta, document) {
    const plain = document.object("stringData")?.string(KEY);
    const encoded = document.object("data")?.string(KEY);
    if (plain !== undefined) return { dockerConfig: plain };
    if (encoded === undefined) return { dockerConfig: null };
    try {
      return { dockerConfig: new TextDecoder().decode(Uint8Array.fromBase64(encoded)) };
    } catch {
      throw document.error(`data.${KEY}`, "must be base64");
    }
  },
};
