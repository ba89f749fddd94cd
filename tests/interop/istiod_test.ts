/** The story of a mesh on a real istiod: its discovery server, its generators, its certificate authority. */
import { type ControlPlane, endToEnd } from "../support/end_to_end.ts";
import { freePort } from "./envoy.ts";
import { type RunningIstiod, startIstiod } from "./istiod.ts";

/** Objects by kind, namespace and name, so that a restarted istiod finds what was applied before. */
class Applied {
  readonly #documents = new Map<string, string>();

  #each(yaml: string, act: (key: string, document: string) => void): void {
    for (const document of yaml.split(/^---$/m)) {
      const kind = /^kind: (\w+)/m.exec(document)?.[1];
      const name = /name: ([\w-]+)/.exec(document.slice(document.indexOf("metadata")))?.[1];
      if (kind !== undefined) act(`${kind}/${name}`, document);
    }
  }

  add(yaml: string): void {
    this.#each(yaml, (key, document) => this.#documents.set(key, document));
  }

  remove(yaml: string): void {
    this.#each(yaml, (key) => this.#documents.delete(key));
  }

  select(istio: boolean): string {
    return [...this.#documents.values()].filter((text) => text.includes("istio.io/v1\n") === istio).join("\n---\n");
  }
}

Deno.test("a mesh on a real istiod", async (t) => {
  const state = await Deno.makeTempDir();
  const port = freePort();
  const applied = new Applied();
  const start = () => startIstiod({ state, port, objects: applied.select(false), configs: applied.select(true) });
  let istiod: RunningIstiod = await start();
  try {
    const plane: ControlPlane = {
      discoveryAddress: istiod.discoveryAddress,
      rootCertificates: istiod.root,
      token: (namespace, serviceAccount) => istiod.token(namespace, serviceAccount),
      apply(yaml) {
        applied.add(yaml);
        return istiod.apply(yaml);
      },
      delete(yaml) {
        applied.remove(yaml);
        return istiod.delete(yaml);
      },
      crash: () => istiod.kill(),
      async restart() {
        istiod = await start();
      },
    };
    await endToEnd(t, plane);
  } finally {
    await istiod.kill();
    await Deno.remove(state, { recursive: true });
  }
});
