import { distance } from "fastest-levenshtein";
import { UserError } from "../errors.ts";
import type { ImageUse } from "./build-inputs.ts";
import { familiarName, normalName, parseReference } from "./image-reference.ts";

/** What the graph needs to know of an image. */
export interface GraphImage {
  name: string;
  /** Friendly tags without the stack's variant. */
  tags: string[];
}

/** The stack's images by the references that Dockerfiles name them by. */
export class TagIndex {
  private readonly byTag = new Map<string, string>();
  private readonly repositories = new Map<string, string[]>();

  /** Throws a UserError where two images share a name or a tag, or a tag is no reference. */
  constructor(images: GraphImage[]) {
    const names = new Set<string>();
    for (const image of images) {
      if (names.has(image.name)) throw new UserError(`two images are named "${image.name}"; rename one`);
      names.add(image.name);
      for (const tag of image.tags) {
        const reference = parseReference(tag);
        if (!reference || reference.digest)
          throw new UserError(`image "${image.name}": "${tag}" is not a tag such as "whisperx:cu128"`);
        const owner = this.byTag.get(normalName(tag));
        if (owner !== undefined && owner !== image.name)
          throw new UserError(
            `the tag ${tag} belongs to two images, "${owner}" and "${image.name}"; change tags of one`,
          );
        this.byTag.set(normalName(tag), image.name);
        const repository = `${reference.host}/${reference.repository}`;
        this.repositories.set(repository, [
          ...(this.repositories.get(repository) ?? []),
          familiarName(reference),
        ]);
      }
    }
  }

  /** Name of the image with this tag; undefined for an external image. */
  find(reference: string): string | undefined {
    return this.byTag.get(normalName(reference));
  }

  /** Refuses a reference with the name of one of our images but another tag: it would be looked for at a registry. */
  refuseNearMiss(use: ImageUse, file: string): void {
    const reference = parseReference(use.reference);
    if (!reference || reference.digest || this.find(use.reference) !== undefined) return;
    const ours = this.repositories.get(`${reference.host}/${reference.repository}`);
    // Written out in full it is meant: nginx:1.27 of Docker Hub beside a service "nginx" of this stack.
    if (!ours || use.reference.startsWith(`${reference.host}/`)) return;
    const nearest = [...ours].sort((a, b) => distance(a, use.reference) - distance(b, use.reference))[0];
    throw new UserError(
      `${file}:${use.line}: ${use.by} names ${use.reference}, but this stack's image has the tag ${nearest}; ` +
        `write that, or ${reference.host}/${reference.repository}:${reference.tag ?? "latest"} for the registry's`,
    );
  }
}

/**
 * Orders images so that parents come first; otherwise the given order stays.
 * @param parents name → names of the images that it builds on
 * Throws a UserError that names a cycle.
 */
export function orderParentsFirst(names: string[], parents: (name: string) => string[]): string[] {
  const ordered: string[] = [];
  const path: string[] = [];
  const visit = (name: string): void => {
    if (ordered.includes(name)) return;
    const start = path.indexOf(name);
    if (start >= 0) throw cycleError([...path.slice(start), name]);
    path.push(name);
    for (const parent of parents(name)) visit(parent);
    path.pop();
    ordered.push(name);
  };
  names.forEach(visit);
  return ordered;
}

/** Error for images that build on each other in a circle. */
export function cycleError(circle: string[]): UserError {
  // Each image of a circle finds it; told from the same image on, it is one problem.
  const members = circle.slice(1);
  const first = members.indexOf([...members].sort()[0]!);
  const told = [...members.slice(first), ...members.slice(0, first), members[first]];
  return new UserError(
    `images build on each other in a circle: ${told.join(" → ")}; remove one of these FROM or --from`,
  );
}
