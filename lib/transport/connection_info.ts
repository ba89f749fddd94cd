import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ConnectionInfo, PeerIdentity } from "./byte_stream.ts";

const UNKNOWN = { hostname: "0.0.0.0", port: 0 } as const;

/** Reads the addresses of a connected socket. IPv4 peers of a dual-stack listener are shown as IPv4. */
export function addressesOf(socket: Socket): Pick<ConnectionInfo, "local" | "remote"> {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return {
    local: localAddress === undefined ? UNKNOWN : { hostname: plainIp(localAddress), port: localPort ?? 0 },
    remote: remoteAddress === undefined ? UNKNOWN : { hostname: plainIp(remoteAddress), port: remotePort ?? 0 },
  };
}

/** Reads what was negotiated on a TLS socket after its handshake. */
export function tlsFacts(
  socket: TLSSocket,
  sni: string | null,
  peer: PeerIdentity | null,
  localPrincipal: string | null,
): NonNullable<ConnectionInfo["tls"]> {
  const alpn = socket.alpnProtocol;
  return {
    alpn: typeof alpn === "string" && alpn !== "" ? alpn : null,
    sni,
    version: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher()?.name ?? "unknown",
    peer,
    localPrincipal,
  };
}

function plainIp(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
