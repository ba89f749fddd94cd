/**
 * What stubs of `@grpc/grpc-js` take as `channelOverride`: its `ChannelInterface`, named by way of a function, for the
 * library's own types are none of this package's documentation.
 */
export type MeshGrpcChannel = ReturnType<(typeof import("@grpc/grpc-js"))["getClientChannel"]>;
