import type { HttpServerHandler } from "../http/codec.ts";
import type { SurfaceContext } from "./call_surface.ts";
import { GrpcHealthService, type GrpcServingStatus, HEALTH_PREFIX } from "./health_service.ts";
import { GrpcServer, type GrpcServerOptions } from "./server.ts";
import type { GrpcServiceDefinition, GrpcServiceImplementation } from "./service_definition.ts";
import { type BoundHandler, serviceHandler } from "./service_handlers.ts";

/** The services of a gRPC server: the part of grpc-js's `Server` that says what is served. */
export interface GrpcServices {
  /**
   * Serves a service. Handlers are found by the name of their method, as the definition or as the `.proto` file spells
   * it, and are called on the implementation; a missing one answers UNIMPLEMENTED.
   *
   * @param definition The service, as generated for grpc-js.
   * @param implementation Its handlers, as written for grpc-js.
   * @throws {Error} When the definition has no methods, or one of them is served already.
   */
  addService(definition: GrpcServiceDefinition, implementation: GrpcServiceImplementation): void;
  /** Serves a service no longer; calls under way go on. */
  removeService(definition: GrpcServiceDefinition): void;
  /**
   * Says how a service is, to clients that ask the health service; a service is SERVING once it was added. Does nothing
   * where the health service is off.
   *
   * @param service Full name, for example `helloworld.Greeter`; the empty name is the server as a whole.
   * @param status The new status.
   */
  setServingStatus(service: string, status: GrpcServingStatus): void;
}

/** Options of {@linkcode GrpcServiceServer}. */
export interface GrpcServiceServerOptions extends GrpcServerOptions, SurfaceContext {
  /** Whether the health service is there. @default {true} */
  health?: boolean;
}

/** A gRPC server of services and handlers written for grpc-js. */
export class GrpcServiceServer implements GrpcServices {
  readonly #server: GrpcServer;
  readonly #context: SurfaceContext;
  readonly #health: GrpcHealthService | null;
  /** Paths of the user, as against those of our own health service. */
  readonly #paths = new Set<string>();

  /** @param options Clock, logger, limits, and what call objects are made with. */
  constructor(options: GrpcServiceServerOptions) {
    const { health = true, newMetadata, peerOf } = options;
    this.#server = new GrpcServer(options);
    this.#context = { newMetadata, peerOf };
    this.#health = health ? new GrpcHealthService() : null;
    this.#health?.register(this.#server);
  }

  /** Answers HTTP requests. */
  get handler(): HttpServerHandler {
    return this.#server.handler;
  }

  addService(definition: GrpcServiceDefinition, implementation: GrpcServiceImplementation): void {
    if (!isObject(definition) || !isObject(implementation)) {
      throw new Error("addService() requires two objects as arguments");
    }
    const methods = Object.entries(definition);
    if (methods.length === 0) throw new Error("Cannot add an empty service to a server");
    for (const [name, method] of methods) {
      const { path, originalName } = method;
      if (this.#paths.has(path)) throw new Error(`Method handler for ${path} already provided`);
      const handler = implementation[name] ??
        (originalName === undefined ? undefined : implementation[originalName]);
      // The user's word is the last: an implementation of the health service takes the place of ours.
      this.#paths.add(path);
      this.#server.handle(path, serviceHandler(method, bind(handler, implementation), this.#context));
      if (!path.startsWith(HEALTH_PREFIX)) this.#health?.set(serviceOf(path), "SERVING");
    }
  }

  removeService(definition: GrpcServiceDefinition): void {
    if (!isObject(definition)) throw new Error("removeService() requires object as argument");
    for (const { path } of Object.values(definition)) {
      if (!this.#paths.delete(path)) continue;
      this.#server.remove(path);
      this.#health?.delete(serviceOf(path));
    }
  }

  setServingStatus(service: string, status: GrpcServingStatus): void {
    this.#health?.set(service, status);
  }

  /** Tells clients that watch that everything is NOT_SERVING: before connections are told to go. */
  shutdown(): void {
    this.#health?.shutdown();
  }
}

/** `package.Service` of `/package.Service/Method`. */
function serviceOf(path: string): string {
  return path.slice(1, path.lastIndexOf("/"));
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Calls go to the implementation object, so that handlers may be methods of a class. */
function bind(handler: unknown, implementation: object): BoundHandler | null {
  return typeof handler === "function" ? handler.bind(implementation) as BoundHandler : null;
}
