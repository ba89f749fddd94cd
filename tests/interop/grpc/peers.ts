import { stripTypeScriptTypes } from "node:module";
import { cacheFolder, ensurePeer } from "../peers.ts";
import { type Ended, type RunningPeer, runPeer, runProgram, startPeer, startServing } from "../process.ts";
import { freePort } from "../envoy.ts";
import type { InteropCase } from "./interop_client.ts";

/** A gRPC server that no one here wrote, or that runs on a grpc-js of its own. */
export interface InteropPeer extends RunningPeer {
  readonly port: number;
}

/** Starts Go's interop server. */
export async function startGoServer(): Promise<InteropPeer> {
  const port = freePort();
  const env = { GRPC_GO_LOG_SEVERITY_LEVEL: "info" };
  const peer = await startPeer("grpcServer", { args: [`-port=${port}`], env });
  await peer.written(/listening on/);
  return { ...peer, port };
}

/** Runs one case of Go's interop client; the port is in plaintext. */
export function runGoClient(port: number, name: InteropCase): Promise<Ended> {
  const args = ["-server_host=127.0.0.1", `-server_port=${port}`, `-test_case=${name}`];
  return runPeer("grpcClient", { args });
}

/** Programs of this folder for Node, which shall run what Deno runs, with the grpc-js of the cache. */
export class NodePrograms implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes them, without their types, where Node finds the packages. */
  static async prepare(): Promise<NodePrograms> {
    await ensurePeer("grpcJs");
    const folder = await Deno.makeTempDir({ dir: `${cacheFolder()}/grpc-js` });
    for (const name of ["test_service", "interop_client", "interop_server", "node_client", "node_server"]) {
      const source = stripTypeScriptTypes(await Deno.readTextFile(new URL(`./${name}.ts`, import.meta.url)));
      const text = source.replaceAll(/from "(\.\/\w+)\.ts"/g, 'from "$1.mjs"');
      await Deno.writeTextFile(`${folder}/${name}.mjs`, text);
    }
    return new NodePrograms(folder);
  }

  /** Starts the interop server on grpc-js. */
  async startServer(): Promise<InteropPeer> {
    const peer = startServing("node", { args: [`${this.#folder}/node_server.mjs`] });
    const [, port] = await peer.written(/port (\d+)/);
    return { ...peer, port: Number(port) };
  }

  /** Runs one case of the interop client on grpc-js. */
  runClient(port: number, name: InteropCase): Promise<Ended> {
    return runProgram("node", { args: [`${this.#folder}/node_client.mjs`, String(port), name] });
  }

  /** Removes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
