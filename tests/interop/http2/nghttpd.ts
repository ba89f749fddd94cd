import { connect } from "node:net";
import { until } from "../../support/until.ts";
import { freePort } from "../envoy.ts";
import { type RunningPeer, startPeer } from "../process.ts";
import type { CertificateFiles } from "../envoy_config.ts";

/** A running nghttpd. */
export interface Nghttpd extends RunningPeer {
  readonly port: number;
  /** Its document root. */
  readonly folder: string;
}

/** Starts nghttpd: HTTP/2 only, uploads are echoed, every answer with content ends with the trailer `x-sum: 42`. */
export async function startNghttpd(
  { certificates, args = [] }: { certificates?: CertificateFiles; args?: readonly string[] } = {},
): Promise<Nghttpd> {
  const port = freePort();
  const folder = await Deno.makeTempDir();
  const tls = certificates === undefined ? [] : [certificates.key, certificates.chain];
  const peer = await startPeer("nghttpd", {
    args: [
      ...["--address", "127.0.0.1", "--htdocs", folder, "--echo-upload", "--trailer", "x-sum: 42", "-v", ...args],
      ...(certificates === undefined ? ["--no-tls"] : ["--verify-client"]),
      ...[String(port), ...tls],
    ],
  });
  await until("nghttpd listens", () => accepts(port));
  return {
    port,
    folder,
    log: () => peer.log(),
    written: (pattern) => peer.written(pattern),
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Whether a port of loopback takes connections. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
