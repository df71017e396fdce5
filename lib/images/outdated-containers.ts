import type { Engine } from "../docker/engine.ts";
import { pathComponent, stackRepository } from "./image-reference.ts";
import { shortVersion } from "./promoted.ts";

/** A running container of an image whose tags mean another version by now. */
export interface OutdatedContainer {
  container: string;
  /** Name of the image in the stack. */
  image: string;
  /** Friendly tag that means another version. */
  tag: string;
  /** The version that it runs, e.g. `"cu128-0123456789abcdef"`; the image's ID where that has no name left. */
  runs: string;
  /** How it gets the version that the tag means now. */
  restart: string;
}

/** An image of a stack as it is now. */
interface CurrentImage {
  name: string;
  tags: string[];
  reference: string;
  /** Look only at containers that were started by one of the tags, whichever stack of ours made their image. */
  byTagOnly?: boolean;
}

interface ContainerLine {
  Id: string;
  Names: string[];
  /** The name that it was started by; an ID where that name means another image by now. */
  Image: string;
  ImageID: string;
  Labels?: Record<string, string>;
}

/** Running containers of a stack's images that run another version than the images' tags mean. Containers of others are not looked at. */
export async function outdatedContainers(
  stack: string,
  images: CurrentImage[],
  engine: Engine,
): Promise<OutdatedContainer[]> {
  const running = await engine.ask<ContainerLine[]>({
    path: "/containers/json",
    query: { filters: { status: ["running", "paused", "restarting"] } },
  });
  const others = running.filter(({ Labels }) => Labels?.["gpu-build-host.smoke-test"] === undefined);
  if (others.length === 0) return [];
  const current = new Map(
    await Promise.all(
      images.map(async (image) => [image, (await engine.image(image.reference))?.id] as const),
    ),
  );
  const found: OutdatedContainer[] = [];
  for (const line of others) {
    if ([...current.values()].includes(line.ImageID)) continue;
    const names = (await engine.image(line.ImageID))?.tags ?? [];
    const startedBy = await nameOf(line, engine);
    for (const image of images) {
      const repository = `${stackRepository(stack)}/${pathComponent(image.name)}:`;
      const isByTag = image.tags.includes(startedBy);
      if (image.byTagOnly && !isByTag) continue;
      const own = names.find((name) => name.startsWith(repository));
      const version = own ?? (isByTag ? names.find((name) => name.startsWith("localhost:1/")) : undefined);
      // A version that was built again under its hash leaves the one before without a name.
      const isNameless = names.length === 0 && startedBy.startsWith(repository);
      if ((version === undefined && !isNameless) || version?.includes("/former/")) continue;
      const tag = image.tags[0] ?? image.reference;
      found.push({
        container: line.Names[0]?.replace(/^\//, "") ?? line.Id.slice(0, 12),
        image: image.name,
        tag,
        runs: version === undefined ? line.ImageID.slice(7, 19) : shortVersion(version),
        restart: restartOf(line, tag, isByTag ? undefined : startedBy),
      });
    }
  }
  return found;
}

async function nameOf({ Id, Image }: ContainerLine, engine: Engine): Promise<string> {
  const container = await engine.askIfThere<{ Config?: { Image?: string } }>({
    path: `/containers/${Id}/json`,
  });
  return container?.Config?.Image ?? Image;
}

/** `docker restart` would start the same image again: a container is bound to the image that it was made of. */
function restartOf({ Names, Labels = {} }: ContainerLine, tag: string, startedBy?: string): string {
  const container = Names[0]?.replace(/^\//, "") ?? "";
  const [files, project, service] = ["project.config_files", "project", "service"].map(
    (label) => Labels[`com.docker.compose.${label}`],
  );
  if (files && project && service) {
    const options = files.split(",").map((file) => `-f ${file}`);
    const hint = startedBy === undefined ? "" : ` (its image is set to ${startedBy} there: set it to ${tag})`;
    return `docker compose ${options.join(" ")} -p ${project} up -d ${service}${hint}`;
  }
  const hint = startedBy === undefined ? "" : `, not with ${startedBy}`;
  return `docker rm -f ${container}, then docker run it again with ${tag}${hint}`;
}

/** What is said of them, for a person; nothing where there are none. */
export function outdatedLines(containers: OutdatedContainer[]): string[] {
  if (containers.length === 0) return [];
  return [
    "Still running another version than its tag means now (no container was touched; docker restart keeps the old image):",
    ...containers.map(
      ({ container, tag, runs, restart }) =>
        `  ${container}: runs ${runs}, not ${tag}. Take it over: ${restart}`,
    ),
  ];
}
