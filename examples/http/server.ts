/** A workload that serves: in a pod as in `examples/kubernetes/workload.yaml`, nothing else is needed. */
import { Mesh } from "@enmesh/enmesh";

await using mesh = await Mesh.join();
await using server = await mesh.serve({ port: 8080 }, (request, info) => {
  const caller = info.peer === null ? "somebody outside of the mesh" : info.peer.serviceAccount;
  return new Response(`hello, ${caller}: you asked for ${new URL(request.url).pathname}\n`);
});

// Kubernetes ends a pod with SIGTERM: readiness fails first, then requests under way finish.
Deno.addSignalListener("SIGTERM", () => void mesh.close());
await server.finished;
