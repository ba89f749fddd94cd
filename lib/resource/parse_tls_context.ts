import type {
  EnvoyConfigCoreV3DataSource,
  EnvoyExtensionsTransport_socketsTlsV3CertificateValidationContext as ValidationContext,
  EnvoyExtensionsTransport_socketsTlsV3CommonTlsContext as CommonTlsContext,
  EnvoyExtensionsTransport_socketsTlsV3DownstreamTlsContext as DownstreamTlsContext,
  EnvoyExtensionsTransport_socketsTlsV3TlsCertificate as TlsCertificate,
  EnvoyExtensionsTransport_socketsTlsV3TlsParameters as TlsParameters,
  EnvoyExtensionsTransport_socketsTlsV3UpstreamTlsContext as UpstreamTlsContext,
} from "../protobuf/gen/messages.ts";
import type { Issues } from "./issues.ts";
import { flag, parseEnum, parseInlineText, parseStringMatch, required } from "./parse_common.ts";
import type { PeerValidation, SecretSource, TlsContext, TrustSource } from "./tls_context.ts";

const MIN_VERSIONS = {
  TLS_AUTO: null,
  // TLS 1.0 and 1.1 are not offered at all: a lower bound below 1.2 is 1.2.
  TLSv1_0: "TLSv1.2",
  TLSv1_1: "TLSv1.2",
  TLSv1_2: "TLSv1.2",
  TLSv1_3: "TLSv1.3",
} as const;
const MAX_VERSIONS = { TLS_AUTO: null, TLSv1_2: "TLSv1.2", TLSv1_3: "TLSv1.3" } as const;
const SAN_TYPES = { EMAIL: "email", DNS: "dns", URI: "uri", IP_ADDRESS: "ip", OTHER_NAME: "other_name" } as const;

/**
 * Reads an `UpstreamTlsContext`. `null` where it asks for something unsupported that makes peers harder to accept:
 * leaving that out would be failing open, so the transport as a whole is unsupported.
 */
export function parseUpstreamTlsContext(issues: Issues, path: string, context: UpstreamTlsContext): TlsContext | null {
  const common = parseCommon(issues, `${path}.common_tls_context`, context.commonTlsContext ?? {});
  const sni = context.sni ?? "";
  if (sni.length > 255) issues.invalid(`${path}.sni`, "it must not be longer than 255", sni);
  const { autoHostSni = false, autoSniSanValidation = false } = context;
  if (autoSniSanValidation && (common?.validation ?? null) === null) {
    issues.invalid(`${path}.auto_sni_san_validation`, "it needs a validation context");
  }
  if (common === null) return null;
  if (common.certificates.length > 1) {
    issues.invalid(`${path}.common_tls_context`, "a client can show one certificate", common.certificates.length);
  }
  return {
    ...common,
    sni,
    autoSni: false,
    autoSanValidation: false,
    autoHostSni,
    autoSniSanValidation,
    requireClientCertificate: false,
  };
}

/** Reads a `DownstreamTlsContext`; `null` as in {@linkcode parseUpstreamTlsContext}. */
export function parseDownstreamTlsContext(
  issues: Issues,
  path: string,
  context: DownstreamTlsContext,
): TlsContext | null {
  const common = parseCommon(issues, `${path}.common_tls_context`, context.commonTlsContext ?? {});
  const requireSni = flag(context.requireSni, false);
  if (requireSni) issues.unsupport(`${path}.require_sni`, "require_sni");
  if (common !== null && common.certificates.length === 0) {
    issues.invalid(`${path}.common_tls_context`, "a server must have a certificate");
  }
  if (common === null || requireSni) return null;
  return {
    ...common,
    sni: "",
    autoSni: false,
    autoSanValidation: false,
    requireClientCertificate: flag(context.requireClientCertificate, false),
  };
}

type Common = Omit<TlsContext, "sni" | "autoSni" | "autoSanValidation" | "requireClientCertificate">;

function parseCommon(issues: Issues, path: string, context: CommonTlsContext): Common | null {
  const before = issues.unsupported.length;
  for (
    const field of [
      "tlsCertificateProviderInstance",
      "tlsCertificateCertificateProvider",
      "tlsCertificateCertificateProviderInstance",
      "validationContextCertificateProvider",
      "validationContextCertificateProviderInstance",
      "customHandshaker",
    ] as const
  ) {
    if (context[field] !== undefined) issues.unsupport(path, field);
  }
  const params = context.tlsParams ?? {};
  const minPath = `${path}.tls_params.tls_minimum_protocol_version`;
  const maxPath = `${path}.tls_params.tls_maximum_protocol_version`;
  const minVersion = parseEnum(issues, minPath, params.tlsMinimumProtocolVersion, MIN_VERSIONS, null);
  const maxVersion = parseEnum(issues, maxPath, params.tlsMaximumProtocolVersion, MAX_VERSIONS, null);
  if (minVersion === "TLSv1.3" && maxVersion === "TLSv1.2") {
    issues.invalid(minPath, "it must not be above the maximum", minVersion);
  }
  const common = {
    certificates: [
      ...(context.tlsCertificateSdsSecretConfigs ?? []).map((secret, index) =>
        certificateByName(required(issues, `${path}.tls_certificate_sds_secret_configs[${index}].name`, secret.name))
      ),
      ...(context.tlsCertificates ?? []).map((certificate, index) =>
        parseCertificate(issues, `${path}.tls_certificates[${index}]`, certificate)
      ),
    ],
    validation: parseValidation(issues, path, context),
    alpn: context.alpnProtocols ?? [],
    minVersion,
    maxVersion,
  };
  for (const [index, protocol] of common.alpn.entries()) {
    if (protocol === "" || protocol.length > 255) {
      issues.invalid(`${path}.alpn_protocols[${index}]`, "it must have 1 to 255 characters", protocol);
    }
  }
  const usable = issues.unsupported.length === before;
  reportIgnoredParameters(issues, `${path}.tls_params`, params);
  return usable ? common : null;
}

/** What the runtime offers of TLS 1.2, in its own order; TLS 1.3 has suites of its own. */
const OFFERED_SUITES = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
] as const;

/**
 * Reports what the runtime cannot be told: a list of suites that leaves out one it offers, curves, signature algorithms.
 * Istio's list names all that are offered but those of ChaCha20, which are no weaker. Nothing refuses for that: what is
 * offered beyond the list is as strong.
 */
function reportIgnoredParameters(issues: Issues, path: string, params: TlsParameters): void {
  const { cipherSuites = [], ecdhCurves = [], signatureAlgorithms = [] } = params;
  // `[A|B]` are suites of equal rank.
  const named = new Set(cipherSuites.flatMap((suite) => suite.replace(/^\[|\]$/g, "").split("|")));
  const missing = OFFERED_SUITES.filter((suite) => !named.has(suite));
  if (cipherSuites.length > 0 && missing.length > 0) {
    issues.unsupport(`${path}.cipher_suites`, `a list without ${missing.join(", ")}`);
  }
  if (ecdhCurves.length > 0) issues.unsupport(`${path}.ecdh_curves`, ecdhCurves.join(", "));
  if (signatureAlgorithms.length > 0) issues.unsupport(`${path}.signature_algorithms`, signatureAlgorithms.join(", "));
}

/** Istio names client certificate files in the SDS name itself (`pkg/model`, `SDSCertificateConfig`). */
function certificateByName(name: string): SecretSource {
  const [, chainPath, keyPath] = /^file-cert:([^~]+)~([^~]+)$/.exec(name) ?? [];
  return chainPath !== undefined && keyPath !== undefined
    ? { kind: "file", chainPath, keyPath }
    : { kind: "sds", name };
}

/** `file-root:system` is what Istio calls the roots of the operating system. */
function trustByName(name: string): TrustSource {
  if (name === "file-root:system") return { kind: "system" };
  return name.startsWith("file-root:")
    ? { kind: "file", path: name.slice("file-root:".length) }
    : { kind: "sds", name };
}

function parseCertificate(issues: Issues, path: string, certificate: TlsCertificate): SecretSource {
  if (certificate.pkcs12 !== undefined) issues.unsupport(path, "pkcs12");
  if (certificate.privateKeyProvider !== undefined) issues.unsupport(path, "private_key_provider");
  if (certificate.password !== undefined) issues.unsupport(path, "password");
  const chainPath = certificate.certificateChain?.filename;
  const keyPath = certificate.privateKey?.filename;
  if (chainPath !== undefined && keyPath !== undefined) return { kind: "file", chainPath, keyPath };
  return {
    kind: "inline",
    chain: parsePem(issues, `${path}.certificate_chain`, certificate.certificateChain, "CERTIFICATE"),
    key: parsePem(issues, `${path}.private_key`, certificate.privateKey, "PRIVATE KEY"),
  };
}

/** Text given in place that holds PEM of a kind. What it holds is in no message: it may be a key. */
function parsePem(
  issues: Issues,
  path: string,
  source: EnvoyConfigCoreV3DataSource | undefined,
  kind: "CERTIFICATE" | "PRIVATE KEY",
): string {
  const text = parseInlineText(issues, path, source);
  if (text === null) return "";
  if (!new RegExp(`-----BEGIN (?:[A-Z]+ )?${kind}-----`).test(text)) {
    issues.invalid(path, `it must hold a PEM block of kind '${kind}'`);
  }
  return text;
}

function parseValidation(issues: Issues, path: string, context: CommonTlsContext): PeerValidation | null {
  const combined = context.combinedValidationContext;
  if (combined !== undefined) {
    const combinedPath = `${path}.combined_validation_context`;
    const defaults = parseValidationContext(
      issues,
      `${combinedPath}.default_validation_context`,
      combined.defaultValidationContext ?? {},
      true,
    );
    const name = combined.validationContextSdsSecretConfig?.name;
    return {
      ...defaults,
      trust: trustByName(required(issues, `${combinedPath}.validation_context_sds_secret_config.name`, name)),
    };
  }
  const sds = context.validationContextSdsSecretConfig;
  if (sds !== undefined) {
    const name = required(issues, `${path}.validation_context_sds_secret_config.name`, sds.name);
    return { trust: trustByName(name), subjectAltNames: [] };
  }
  if (context.validationContext === undefined) return null;
  return parseValidationContext(issues, `${path}.validation_context`, context.validationContext, false);
}

function parseValidationContext(
  issues: Issues,
  path: string,
  context: ValidationContext,
  trustElsewhere: boolean,
): PeerValidation {
  // Each of these refuses peers that would be accepted without it.
  if (context.verifyCertificateSpki !== undefined) issues.unsupport(path, "verify_certificate_spki");
  if (context.verifyCertificateHash !== undefined) issues.unsupport(path, "verify_certificate_hash");
  if (context.crl !== undefined) issues.unsupport(path, "crl");
  if (context.customValidatorConfig !== undefined) issues.unsupport(path, "custom_validator_config");
  if (flag(context.requireSignedCertificateTimestamp, false)) {
    issues.unsupport(path, "require_signed_certificate_timestamp");
  }
  if (context.caCertificateProviderInstance !== undefined) {
    issues.unsupport(path, "ca_certificate_provider_instance");
  }
  if (context.maxVerifyDepth !== undefined) issues.unsupport(path, "max_verify_depth");
  const acceptUntrusted = parseEnum(issues, `${path}.trust_chain_verification`, context.trustChainVerification, {
    VERIFY_TRUST_CHAIN: false,
    ACCEPT_UNTRUSTED: true,
  }, false);
  const trust = acceptUntrusted ? null : parseTrust(issues, path, context);
  const subjectAltNames = parseSubjectAltNames(issues, path, context);
  if (trust === null && !trustElsewhere && subjectAltNames.length > 0) {
    issues.invalid(path, "names of a peer mean nothing without a trusted CA");
  }
  return { trust, subjectAltNames };
}

function parseTrust(issues: Issues, path: string, context: ValidationContext): TrustSource | null {
  if (context.trustedCa !== undefined) {
    if (context.trustedCa.filename !== undefined) return { kind: "file", path: context.trustedCa.filename };
    return { kind: "inline", pem: parsePem(issues, `${path}.trusted_ca`, context.trustedCa, "CERTIFICATE") };
  }
  return context.systemRootCerts === undefined ? null : { kind: "system" };
}

function parseSubjectAltNames(
  issues: Issues,
  path: string,
  context: ValidationContext,
): PeerValidation["subjectAltNames"] {
  const out: PeerValidation["subjectAltNames"][number][] = [];
  for (const [index, typed] of (context.matchTypedSubjectAltNames ?? []).entries()) {
    const itemPath = `${path}.match_typed_subject_alt_names[${index}]`;
    const type = parseEnum(issues, `${itemPath}.san_type`, typed.sanType ?? "SAN_TYPE_UNSPECIFIED", SAN_TYPES, "uri");
    const match = parseStringMatch(issues, `${itemPath}.matcher`, typed.matcher);
    if (type === "other_name") issues.unsupport(`${itemPath}.san_type`, "OTHER_NAME");
    else if (match !== null) out.push({ type, match });
  }
  // Deprecated, and what Istio sends: matches names of every type.
  for (const [index, matcher] of (context.matchSubjectAltNames ?? []).entries()) {
    const match = parseStringMatch(issues, `${path}.match_subject_alt_names[${index}]`, matcher);
    if (match !== null) out.push({ type: "any", match });
  }
  return out;
}
