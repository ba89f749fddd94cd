/** What generators write has to fit without a cast: `deno check` is the test. */
import type * as grpc from "@grpc/grpc-js";
import type {
  GrpcHandlerCall,
  GrpcHandlerCallback,
  GrpcServiceDefinition,
  GrpcServiceImplementation,
} from "../../mod.ts";
import { type GreeterServer, GreeterService } from "../support/greeter.ts";

/** Another copy of grpc-js: its classes have members of their own that are private, and so are not ours. */
class OtherMetadata {
  #values = new Map<string, string[]>();
  get(key: string): string[] {
    return this.#values.get(key) ?? [];
  }
  getMap(): Record<string, string> {
    return {};
  }
  toHttp2Headers(): Record<string, string[]> {
    return {};
  }
}
interface OtherCall {
  request: { name: string };
  metadata: OtherMetadata;
  cancelled: boolean;
  getPeer(): string;
  getPath(): string;
  getHost(): string;
  sendMetadata(metadata: OtherMetadata): void;
}
type OtherCallback = (
  error: { code: number; details: string } | Error | null,
  value?: { text: string } | null,
  trailer?: OtherMetadata,
  flags?: number,
) => void;

Deno.test("definitions and implementations for grpc-js are assignable, of whatever copy", () => {
  const generated: GrpcServiceDefinition = GreeterService;
  const untyped: GrpcServiceDefinition = {} as grpc.ServiceDefinition;
  const loaded: GrpcServiceDefinition = {} as grpc.ServiceClientConstructor["service"];
  const implementations: GrpcServiceImplementation[] = [
    {} as GreeterServer,
    {} as grpc.UntypedServiceImplementation,
    {
      sayHello: (call: OtherCall, callback: OtherCallback) =>
        callback(null, { text: call.request.name }, new OtherMetadata()),
    },
    { sayHello: async (_call: OtherCall) => await Promise.resolve() },
    { sayHello: (call: GrpcHandlerCall, callback: GrpcHandlerCallback) => callback(null, call.request) },
    { sayHello: (call, callback) => callback({ code: 5, details: call.getPath() }) },
  ];
  void [generated, untyped, loaded, implementations];
});
