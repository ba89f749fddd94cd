/**
 * A gRPC service with two replicas and a client, in one process: `deno task example:grpc`. The stub and the
 * implementation are what `protoc` and ts-proto make for `@grpc/grpc-js`; one line of each is the mesh's.
 */
import { credentials } from "@grpc/grpc-js";
import { grpcPeer, Mesh } from "@enmesh/enmesh";
import { FakeIstiod } from "@enmesh/enmesh/testing";
import { Table } from "../table.ts";
import { GreeterClient, type Greeting, type GreetRequest } from "./greeter_pb.ts";
import { greeter } from "./greeter.ts";

const PORT = 50051;

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: greeter, namespace: default }
spec: { selector: { app: greeter }, ports: [{ name: grpc, port: ${PORT}, targetPort: ${PORT} }] }
`;

const replica = (name: string, port: number) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: default, labels: { kubernetes.io/service-name: greeter } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: ${name}, namespace: default } }]
ports: [{ name: grpc, port: ${port}, protocol: TCP }]
`;

await using istiod = await FakeIstiod.start();
istiod.apply(SERVICE);
const join = (name: string, serviceAccount: string) =>
  Mesh.join({
    ...istiod.workload({ name, serviceAccount, ip: "127.0.0.1", labels: { app: serviceAccount } }),
    admin: false,
    logger: { log: () => {} },
  });

// Two replicas. One line differs from a server without a mesh: serveGrpc in place of new Server() and bindAsync.
const callers = new Set<string>();
await using stack = new AsyncDisposableStack();
for (const name of ["greeter-1", "greeter-2"]) {
  const mesh = stack.use(await join(name, "greeter"));
  const server = await mesh.serveGrpc(
    { port: 0, hostname: "127.0.0.1", meshPort: PORT, onListen: () => {} },
    (server) => server.addService(...greeter(name, (call) => void callers.add(grpcPeer(call)?.principal ?? "unknown"))),
  );
  istiod.apply(replica(name, server.addr.port));
}

// The client. One line differs: channelOverride.
const mesh = stack.use(await join("client-1", "client"));
const target = `greeter.default:${PORT}`;
const client = new GreeterClient(target, credentials.createInsecure(), { channelOverride: mesh.grpcChannel(target) });

const table = new Table({ call: 20, answer: 32, replica: 9 });

const unary = (name: string) =>
  new Promise<Greeting>((resolve, reject) =>
    client.greet({ name, times: 1 }, (error, greeting) => error === null ? resolve(greeting) : reject(error))
  );

table.begin("Unary calls: an endpoint is chosen for each, over connections that stay open");
for (const name of ["Ada", "Barbara", "Grace", "Hedy", "Katherine", "Radia"]) {
  const { text, replica } = await unary(name);
  table.row([`Greet(${name})`, text, replica]);
}

table.begin("Server streaming");
for await (const { text, replica } of client.greetOften({ name: "Ada", times: 3 }) as AsyncIterable<Greeting>) {
  table.row(["GreetOften(Ada, 3)", text, replica]);
}

table.begin("Client streaming");
const all = await new Promise<Greeting>((resolve, reject) => {
  const call = client.greetAll((error, greeting) => error === null ? resolve(greeting) : reject(error));
  for (const name of ["Barbara", "Grace", "Hedy"]) call.write({ name, times: 1 } satisfies GreetRequest);
  call.end();
});
table.row(["GreetAll(…)", all.text, all.replica]);

table.begin("Bidirectional streaming: each name is sent when the answer to the one before has come");
const conversation = client.converse();
const names = ["Katherine", "Radia", "Hedy"];
conversation.write({ name: names[0]!, times: 1 });
for await (const { text, replica } of conversation as AsyncIterable<Greeting>) {
  table.row([`Converse(${names.shift()})`, text, replica]);
  if (names.length > 0) conversation.write({ name: names[0]!, times: 1 });
  else conversation.end();
}

table.title("Who called, and what the client counted");
table.note(`The servers were called by ${[...callers].join(", ")}`);
const counted = mesh.metrics().matchAll(
  /^istio_requests_total\{.*?request_protocol="(\w+)".*?grpc_response_status="(\d+)".*?\} (\d+)/gm,
);
for (const [, protocol, status, count] of counted) {
  table.note(`istio_requests_total{request_protocol="${protocol}",grpc_response_status="${status}",...} ${count}`);
}
client.close();
