import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { ownAddress } from "./cache-address.ts";

/** The PEM files of a cache with TLS, by absolute path. */
export interface CacheTls {
  certificate: string;
  key: string;
  ca?: string | undefined;
  clientCa?: string | undefined;
  clientCertificate?: string | undefined;
  clientKey?: string | undefined;
}

const setting = "gpu-build-host:registryCache.tls";

/** What is wrong with the files of `registryCache.tls`, one line each; the registry itself would only die with a trace. */
export function tlsProblems(tls: CacheTls, bind: string, now = new Date()): string[] {
  const problems: string[] = [];
  const certificates = (name: keyof CacheTls) => {
    const read = readCertificates(name, tls[name], now);
    if (typeof read === "string") problems.push(read);
    return typeof read === "string" ? undefined : read;
  };
  const chain = certificates("certificate");
  const ca = tls.ca ? certificates("ca") : chain;
  const keyProblem = keyProblemOf("key", tls.key, chain?.[0]);
  if (keyProblem) problems.push(keyProblem);
  if (chain) {
    const address = ownAddress(bind);
    if (!chain[0]!.checkIP(address))
      problems.push(
        `${setting}.certificate ${tls.certificate} is not for ${address} (it names ${chain[0]!.subjectAltName ?? "nothing"}): make one with subjectAltName IP:${address}`,
      );
    if (ca && !isTrusted(chain, ca))
      problems.push(
        tls.ca
          ? `${setting}.ca ${tls.ca} has not signed ${tls.certificate}: name the CA certificate that has`
          : `${setting}.certificate ${tls.certificate} is not self-signed: set registryCache.tls.ca to the CA certificate that signed it`,
      );
  }
  if (tls.clientCa) {
    const clientCa = certificates("clientCa");
    const client = certificates("clientCertificate");
    const clientKeyProblem = keyProblemOf("clientKey", tls.clientKey, client?.[0]);
    if (clientKeyProblem) problems.push(clientKeyProblem);
    if (client && clientCa && !isTrusted(client, clientCa))
      problems.push(
        `${setting}.clientCertificate ${tls.clientCertificate} is not signed by clientCa ${tls.clientCa}: the cache would refuse this host's own engine`,
      );
  }
  return problems;
}

/** Warnings about the files: nothing that stops a run. */
export function tlsWarnings(tls: CacheTls): { line: string; fix: string }[] {
  return [tls.key, tls.clientKey].flatMap((file) => {
    const mode = file && statSync(file, { throwIfNoEntry: false })?.mode;
    if (!mode || (mode & 0o077) === 0) return [];
    return [
      {
        line: `The private key ${file} can be read by others (mode ${(mode & 0o777).toString(8)})`,
        fix: `chmod 600 ${file}`,
      },
    ];
  });
}

/** Changes when the cache has to start again to use other certificates; holds nothing secret. */
export function tlsFingerprint(tls: CacheTls): string {
  return [tls.certificate, tls.clientCa]
    .filter((file) => file !== undefined)
    .flatMap((file) =>
      pemBlocks(readFileSync(file, "utf8")).map((pem) => new X509Certificate(pem).fingerprint256),
    )
    .map((fingerprint) => fingerprint.replaceAll(":", "").slice(0, 16).toLowerCase())
    .join(" ");
}

function readCertificates(
  name: keyof CacheTls,
  file: string | undefined,
  now: Date,
): X509Certificate[] | string {
  const text = readText(name, file);
  if (typeof text !== "object") return text;
  let certificates: X509Certificate[];
  try {
    certificates = pemBlocks(text.pem).map((pem) => new X509Certificate(pem));
  } catch {
    certificates = [];
  }
  const [first] = certificates;
  if (!first)
    return `${setting}.${name} ${file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`;
  if (new Date(first.validTo) < now)
    return `${setting}.${name} ${file} has expired on ${first.validTo}: renew it`;
  if (new Date(first.validFrom) > now)
    return `${setting}.${name} ${file} is not valid before ${first.validFrom}`;
  return certificates;
}

function keyProblemOf(
  name: "key" | "clientKey",
  file: string | undefined,
  certificate: X509Certificate | undefined,
): string | undefined {
  const text = readText(name, file);
  if (typeof text !== "object") return text;
  try {
    const key = createPrivateKey(text.pem);
    if (!certificate || certificate.checkPrivateKey(key)) return undefined;
    return `${setting}.${name} ${file} does not belong to the certificate: name the key that it was made with`;
  } catch {
    return `${setting}.${name} ${file} holds no private key in PEM form without a passphrase`;
  }
}

function readText(name: keyof CacheTls, file: string | undefined): { pem: string } | string {
  if (file === undefined) return `${setting}.${name} is missing`;
  try {
    return { pem: readFileSync(file, "utf8") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EISDIR") return `${setting}.${name} ${file} is a folder: name the file in it`;
    const fault = code === "ENOENT" ? "does not exist: create it" : `cannot be read (${code}): mend that`;
    return `${setting}.${name} ${file} ${fault} or change the setting`;
  }
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** Whether a chain ends at one of the trusted certificates, or begins with one of them. */
function isTrusted(chain: X509Certificate[], trusted: X509Certificate[]): boolean {
  let current = chain[0]!;
  for (let step = 0; step <= chain.length; step += 1) {
    const isRoot = (ca: X509Certificate) => current.checkIssued(ca) && current.verify(ca.publicKey);
    if (trusted.some(isRoot)) return true;
    const next = chain.find((candidate) => candidate !== current && isRoot(candidate));
    if (!next) return false;
    current = next;
  }
  return false;
}
