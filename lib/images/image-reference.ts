/** An image reference in its parts, as Docker reads it. */
export interface ImageReference {
  /** Registry host, `"docker.io"` where none was written. */
  host: string;
  /** Path in the registry, e.g. `"library/busybox"`. */
  repository: string;
  tag?: string;
  /** `"sha256:…"` */
  digest?: string;
}

/** Stands for a digest that nobody says: what stands on it has another hash than anything that was ever built. */
export const unknownDigest = `sha256:${"0".repeat(64)}`;

const digestPattern = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const hostPattern = /^[A-Za-z0-9.-]+(?::\d+)?$|^\[[0-9a-fA-F:]+\](?::\d+)?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;

/** Reads a reference such as `"nvidia/cuda:12.8.1-base"`; undefined when Docker would refuse it. */
export function parseReference(text: string): ImageReference | undefined {
  let rest = text;
  let digest: string | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!digestPattern.test(digest)) return undefined;
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!tagPattern.test(tag)) return undefined;
  }
  const slash = rest.indexOf("/");
  const first = slash < 0 ? "" : rest.slice(0, slash);
  let host = "docker.io";
  let repository = rest;
  if (first && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first)) {
    host = first === "index.docker.io" ? "docker.io" : first;
    repository = rest.slice(slash + 1);
  }
  if (host === "docker.io" && !repository.includes("/")) repository = `library/${repository}`;
  if (!hostPattern.test(host) || !repositoryPattern.test(repository) || repository.length > 255)
    return undefined;
  return { host, repository, ...(tag && { tag }), ...(digest && { digest }) };
}

/** The one full spelling of a reference, e.g. `"docker.io/library/busybox:latest"`. */
export function fullName(reference: ImageReference): string {
  const tag = reference.tag ?? (reference.digest ? undefined : "latest");
  return `${reference.host}/${reference.repository}${tag ? `:${tag}` : ""}${reference.digest ? `@${reference.digest}` : ""}`;
}

/** The spelling that people and `docker images` use, e.g. `"busybox:latest"`. */
export function familiarName(reference: ImageReference): string {
  return fullName(reference).replace(/^docker\.io\/(library\/)?/, "");
}

/** The name under which BuildKit looks for a named context, e.g. `"busybox"` for `"busybox:latest"`. */
export function contextName(reference: ImageReference): string {
  return familiarName(reference).replace(/:latest$/, "");
}

/** `fullName` of a text, or the text itself where it is no reference: for comparing. */
export function normalName(text: string): string {
  const reference = parseReference(text);
  return reference ? fullName(reference) : text;
}

/** A text made fit for one component of a repository path; a changed text gets a mark, so that two never meet. */
export function pathComponent(text: string): string {
  const fit = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  if (fit === text || /^[a-z0-9]+([._-][a-z0-9]+)*$/.test(text)) return text;
  let mark = 0;
  for (const char of text) mark = (mark * 31 + char.codePointAt(0)!) >>> 0;
  return `${fit || "x"}-${mark.toString(16)}`;
}

/** Folder, so to say, of every hash reference of one stack: its host refuses at once, so no registry is ever asked. */
export function stackRepository(stack: string): string {
  return `localhost:1/${pathComponent(stack)}`;
}

/**
 * Hash reference of an image.
 * @example hashReference("dev", "whisperx", "whisperx:cu128", "0123456789abcdef") // "localhost:1/dev/whisperx:cu128-0123456789abcdef"
 */
export function hashReference(
  stack: string,
  image: string,
  friendlyTag: string | undefined,
  hash: string,
): string {
  const tag = (friendlyTag && parseReference(friendlyTag)?.tag) || "latest";
  return `${stackRepository(stack)}/${pathComponent(image)}:${tag.slice(0, 100)}-${hash}`;
}

/** A friendly tag with the stack's variant, e.g. `"cuda-base:runtime-12.8"` → `"cuda-base:runtime-12.8-test"`. */
export function withVariant(friendlyTag: string, variant: string | undefined): string {
  if (!variant) return friendlyTag;
  const reference = parseReference(friendlyTag);
  return reference?.tag ? `${friendlyTag}-${variant}` : `${friendlyTag}:${variant}`;
}

/** Docker Hub's own name of an image: `"registry@sha256:…"` is `"library/registry"` there. */
export function hubRepository(image: string): string {
  const name = image
    .replace(/@.*$/, "")
    .replace(/^docker\.io\//, "")
    .replace(/:[^:/]+$/, "");
  return name.includes("/") ? name : `library/${name}`;
}
