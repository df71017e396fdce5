import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { sourceProblem } from "./source.ts";

const block = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** Why a bundle of certificates cannot be used, as the end of a sentence; undefined where every certificate in it parses. */
export function caBundleProblem(path: string): string | undefined {
  const problem = sourceProblem({ file: path });
  if (problem !== undefined) return problem;
  const text = readFileSync(path, "utf8");
  const found = [...text.matchAll(block)];
  if (found.length === 0)
    return `comes from ${path}, which holds no certificate in PEM form (-----BEGIN CERTIFICATE-----); convert it: openssl x509 -inform der -in ${path}`;
  for (const match of found) {
    try {
      new X509Certificate(match[0]);
    } catch {
      const line = text.slice(0, match.index).split("\n").length;
      return `comes from ${path}, whose certificate in line ${line} cannot be read; take it out or replace it`;
    }
  }
  return undefined;
}
