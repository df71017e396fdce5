import { normalName, parseReference, type ImageReference } from "../../images/image-reference.ts";
import type { BaseKind, DockerfileFacts } from "./finding.ts";

/** One of the two shared bases, or an image that stands on it. */
export interface OurBase {
  kind: BaseKind;
  /** CUDA version of the base, e.g. `"12.8"`, where it is known. */
  cuda?: string;
  /** The base itself, not an image between. */
  itself: boolean;
}

/** Reads an image's name as one of the shared bases, e.g. `"cuda-base:devel-12.8"`. */
export function ourBase(text: string, facts: DockerfileFacts): OurBase | undefined {
  const reference = parseReference(text);
  if (!reference) return undefined;
  const known = stackImage(text, facts);
  const cuda = facts.base?.cuda;
  const isBase = reference.repository.replace(/^.*\//, "") === "cuda-base";
  const kind = /^(runtime|devel)/.exec(reference.tag ?? "")?.[1] as BaseKind | undefined;
  if (isBase && kind) {
    const tagged = /^(?:runtime|devel)-(\d+\.\d+)/.exec(reference.tag!)?.[1] ?? cuda;
    return { kind, itself: true, ...(tagged !== undefined && { cuda: tagged }) };
  }
  return known?.kind && { kind: known.kind, itself: false, ...(cuda !== undefined && { cuda }) };
}

/** Whether the stack makes this image itself. */
export function stackImage(text: string, facts: DockerfileFacts): { kind: BaseKind | undefined } | undefined {
  const name = normalName(text);
  for (const [tag, kind] of facts.stackImages ?? []) if (normalName(tag) === name) return { kind };
  return undefined;
}

/** Where the numbers of a tag are a release that stays, although it is one number or a name. */
const distributions = /^library\/(alma|alpine|amazon|debian|fedora|oracle|rocky|ubuntu)/;
const releases = /(^|-)(bookworm|bullseye|buster|focal|jammy|noble|trixie)(-|$)/;

/** Whether a tag is likely to name other bytes next month: no version in it, or only a major one. */
export function isMoving({ digest, repository, tag }: ImageReference): boolean {
  if (digest !== undefined || tag === undefined || tag === "latest") return false;
  if (/\d+[._]\d+/.test(tag) || /[0-9a-f]{7,}/.test(tag) || /\d{6,}/.test(tag)) return false;
  return !(distributions.test(repository) && (/\d/.test(tag) || releases.test(tag)));
}

/** External images with compilers, e.g. `nvidia/cuda:12.8.1-devel-ubuntu22.04`. */
export function isExternalDevel(text: string): boolean {
  const reference = parseReference(text);
  return (
    reference !== undefined &&
    /(^|\/)(nvidia\/cuda|pytorch\/pytorch)$/.test(reference.repository) &&
    /(^|-)devel(-|$)/.test(reference.tag ?? "")
  );
}

/** Images that bring torch in their site-packages. */
export function hasTorchInside(text: string): boolean {
  return /(^|\/)pytorch(\/pytorch)?$/.test(parseReference(text)?.repository ?? "");
}

/** External images that are known to run as root unless told otherwise. */
export function runsAsRoot(text: string): boolean {
  if (text === "scratch") return true;
  return /^(library\/(alpine|debian|ubuntu|python|node|golang)|nvidia\/cuda|pytorch\/pytorch|nvidia\/pytorch)$/.test(
    parseReference(text)?.repository ?? "",
  );
}
