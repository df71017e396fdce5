import type { Answer, Fact, Pin, Place } from "../types.ts";

/** What every answer of a rule has beside its verdict. */
interface Parts {
  text: string;
  facts: Fact[];
  sources?: string[];
  fix?: string;
}

/** It works, nothing to read. */
export const works = (rule: string, { text, facts, sources = [] }: Omit<Parts, "fix">): Answer => ({
  rule,
  verdict: "works",
  text,
  facts,
  sources,
});

/** It works under a condition. */
export const warns = (rule: string, parts: Parts): Answer => ({
  ...works(rule, parts),
  isWarning: true,
  ...(parts.fix && { fix: parts.fix }),
});

/** It does not work. */
export const fails = (rule: string, place: Place, parts: Parts & { fix: string }): Answer => ({
  rule,
  verdict: "fails",
  place,
  ...parts,
  sources: parts.sources ?? [],
});

/** No fact decides. */
export const unknown = (rule: string, place: Place, parts: Parts): Answer => ({
  rule,
  verdict: "unknown",
  place,
  ...parts,
  sources: parts.sources ?? [],
});

/** A pin as the fact of an answer. */
export const pinFact = (pin: Pin): Fact => ({ name: pin.name, value: pin.version, from: pin.from });

/** A setting of `cudaBase` as the fact of an answer, e.g. `settingFact("cuda", "12.8")`. */
export const settingFact = (
  name: "cuda" | "torch" | "python" | "image" | "packageIndex" | "cudaArchitectures",
  value: string,
): Fact => ({ name, value, from: `gpu-build-host:cudaBase.${name}` });
