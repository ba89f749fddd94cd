import { MeshError } from "../errors.ts";

/** A request for the runtime's own `fetch`. */
export interface PlainFetchRequest {
  readonly url: string;
  readonly method: string;
  /** Flat list of names and values. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly signal: AbortSignal | null;
}

/**
 * The runtime's own `fetch`, for destinations outside of the mesh that are spoken to in the application's own TLS.
 * Redirects come back to the caller, so that each hop is decided upon anew.
 *
 * @throws {MeshError} `PERMISSION_MISSING` naming the flag; else what the runtime's `fetch` throws.
 */
export async function plainFetch(request: PlainFetchRequest): Promise<Response> {
  const headers: [string, string][] = [];
  for (let i = 0; i < request.headers.length; i += 2) headers.push([request.headers[i]!, request.headers[i + 1]!]);
  try {
    return await fetch(request.url, {
      method: request.method,
      headers,
      body: request.body as BodyInit | null,
      redirect: "manual",
      signal: request.signal,
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const { hostname, port } = new URL(request.url);
    const to = `${hostname}:${port || 443}`;
    const message = `Cannot connect to '${to}': no permission, run with --allow-net=${to}`;
    throw new MeshError("PERMISSION_MISSING", message, { cause: error });
  }
}
