import { stat } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { loadIgnoreRules } from "../images/context-ignore.ts";
import { imageDefinitions } from "../images/definitions.ts";
import { readTextFile } from "../images/read-text-file.ts";
import type { ImageDefinition } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";
import {
  baseOfImage,
  dockerfileFindings,
  unreadable,
  type DockerfileFacts,
  type Finding,
} from "./dockerfile-rules/index.ts";

/**
 * Findings about the Dockerfile of every service of a stack, file by file, line by line.
 * Reads files only, and none of a context but its `.dockerignore`. Never throws for what a user wrote.
 */
export async function serviceDockerfileFindings(settings: Settings): Promise<Finding[]> {
  const services = imageDefinitions(settings).filter(({ name }) => Object.hasOwn(settings.services, name));
  const read = await Promise.all(services.map((definition) => readFacts(definition, settings)));
  const stackImages = basesOf(read.flatMap((one) => ("facts" in one ? [one] : [])));
  const found = new Map<string, Finding>();
  for (const one of read) {
    const findings = "facts" in one ? dockerfileFindings({ ...one.facts, stackImages }) : [one];
    // Two services may share a Dockerfile.
    for (const finding of findings) found.set(JSON.stringify(finding), finding);
  }
  return [...found.values()];
}

interface ReadFacts {
  facts: DockerfileFacts;
  tags: string[];
}

async function readFacts(definition: ImageDefinition, settings: Settings): Promise<ReadFacts | Finding> {
  const { context, target, args, contexts, tags, name } = definition;
  const path = resolve(context, definition.dockerfile);
  const shown = relative(settings.root, path);
  const file = shown.startsWith("..") ? path : shown;
  try {
    if (!(await stat(path)).isFile()) throw new UserError("it is not a file");
    const text = await readTextFile(path, `image "${name}": the Dockerfile`);
    const ignore = await loadIgnoreRules(context, path);
    const { cuda, torch, python } = settings.cudaBase;
    const facts: DockerfileFacts = {
      path: file,
      text,
      base: { cuda, torch, python },
      ignoreText: ignore.text,
      args,
      contexts: Object.keys(contexts),
      ...(target && { target }),
    };
    return { facts, tags };
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    return unreadable(
      file,
      `the Dockerfile of service "${name}" cannot be read: ${why}`,
      `services.${name}.dockerfile`,
    );
  }
}

/** Which shared base each service stands on, also through other services. */
function basesOf(read: ReadFacts[]): NonNullable<DockerfileFacts["stackImages"]> {
  const bases = new Map(
    read.flatMap(({ tags }) => tags.map((tag) => [tag, undefined as ReturnType<typeof baseOfImage>])),
  );
  // A service may stand on one that is named after it, so once for each step of the longest chain.
  for (let changed = true, round = 0; changed && round < read.length; round++) {
    changed = false;
    for (const { facts, tags } of read) {
      const kind = baseOfImage({ ...facts, stackImages: bases });
      for (const tag of tags)
        if (bases.get(tag) !== kind) {
          bases.set(tag, kind);
          changed = true;
        }
    }
  }
  return bases;
}
