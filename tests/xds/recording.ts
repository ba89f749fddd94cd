/** Recordings of a real istiod, see `README.md` beside them. */
const ROOT = new URL("../../../shared/xds/", import.meta.url);

/** One entry of a manifest. */
export interface Entry {
  readonly kind: "request" | "response" | "step";
  readonly typeUrl?: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly nonce?: string;
  readonly ack?: boolean;
  readonly file?: string;
  readonly resources?: readonly { readonly name: string }[];
}

/** A response with the requests the recorder sent after it; the first one has no response. */
export interface Exchange {
  readonly response: { readonly bytes: Uint8Array; readonly entry: Entry } | null;
  readonly requests: readonly Entry[];
}

/** The exchanges of a recording, `null` when the recordings are not on this machine. */
export async function exchanges(name: string): Promise<Exchange[] | null> {
  const folder = new URL(`${name}/`, ROOT);
  let manifest: { entries: Entry[] };
  try {
    manifest = JSON.parse(await Deno.readTextFile(new URL("manifest.json", folder)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const found: { response: Exchange["response"]; requests: Entry[] }[] = [{ response: null, requests: [] }];
  for (const entry of manifest.entries) {
    if (entry.kind === "request") found.at(-1)!.requests.push(entry);
    if (entry.kind !== "response") continue;
    found.push({ response: { bytes: await Deno.readFile(new URL(entry.file!, folder)), entry }, requests: [] });
  }
  return found;
}
