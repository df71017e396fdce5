import type Dockerode from "dockerode";
import { UserError } from "../errors.ts";
import {
  EngineError,
  engineRequest,
  NoAnswer,
  socketOf,
  unlessMissing,
  type EngineRequest,
} from "./request.ts";

/** What is asked of a Docker Engine about itself. */
export interface EngineFacts {
  /** Stays for the life of the data root. */
  id: string;
  version: string;
  /** Folder with its data, e.g. `"/var/lib/docker"`. */
  dataRoot: string;
  /** Whether containers can be given a GPU: the NVIDIA runtime or a CDI device is there. */
  gpus: boolean;
}

/** One image on an engine. */
export interface EngineImage {
  id: string;
  /** Every name, e.g. `["cuda-base:runtime-12.8", "localhost:1/dev/…"]`. */
  tags: string[];
  /** Digests of the uncompressed layers, lowest first. */
  layers: string[];
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  created: number;
}

/** A container that keeps an image from being removed. */
export interface ContainerUse {
  name: string;
  state: string;
}

/** A container, running or not. */
export interface ContainerOnEngine extends ContainerUse {
  id: string;
  /** ID of its image. */
  image: string;
}

/** Result of taking a name away. */
export type Removal = "removed" | "missing" | { usedBy: ContainerUse[] };

/** The Docker Engine behind one local socket; every call is one request over the socket. */
export class Engine {
  readonly host: string;
  /** Counts what this process did to images and their names: a list from before it is out of date. */
  imageChanges = 0;
  private connection: Promise<Dockerode> | undefined;
  private facts: Promise<EngineFacts> | undefined;

  /** @param host e.g. `"unix:///var/run/docker.sock"` */
  constructor(host: string) {
    if (!host.startsWith("unix://"))
      throw new UserError(
        `the engine must be a local socket such as unix:///var/run/docker.sock, got ${host}`,
      );
    this.host = host;
  }

  /** A client for what is more than a question: running a container and reading what it writes. Loaded only then. */
  client(): Promise<Dockerode> {
    this.connection ??= import("dockerode").then(
      (library) => new library.default({ socketPath: socketOf(this.host) }),
    );
    return this.connection;
  }

  async info(): Promise<EngineFacts> {
    this.facts ??= this.ask<EngineInfo>({ path: "/info", timeoutMs: 20_000 }).then(readFacts);
    return this.facts;
  }

  /** The image behind a name or ID; undefined where there is none. */
  async image(reference: string): Promise<EngineImage | undefined> {
    const found = await unlessMissing(
      this.ask<ImageAnswer>({ path: `/images/${encodeURI(reference)}/json` }),
    );
    return (
      found && {
        id: found.Id,
        tags: found.RepoTags ?? [],
        layers: found.RootFS?.Layers ?? [],
        size: found.Size,
        created: Date.parse(found.Created) || 0,
      }
    );
  }

  /** Every image, those without a name included; not the steps between of the classic builder. */
  async imageList(): Promise<Omit<EngineImage, "layers">[]> {
    const images = await this.ask<(ImageLine & { Size: number })[]>({ path: "/images/json" });
    return images.map(({ Id, RepoTags, Size, Created }) => ({
      id: Id,
      tags: (RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
      size: Size,
      created: Created * 1000,
    }));
  }

  /** Names that match a pattern such as `"localhost:1/dev/whisperx:*"`, newest image first. */
  async names(pattern: string): Promise<{ name: string; id: string }[]> {
    const images = await this.ask<ImageLine[]>({
      path: "/images/json",
      query: { filters: { reference: [pattern] } },
    });
    const escaped = pattern.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    const matches = new RegExp(`^${escaped.join("[^/]*")}$`);
    return images
      .sort((a, b) => b.Created - a.Created)
      .flatMap(({ Id, RepoTags }) =>
        (RepoTags ?? []).filter((name) => matches.test(name)).map((name) => ({ name, id: Id })),
      );
  }

  /** Gives an image a further name, which leaves whatever had it. */
  async tag(image: string, name: string): Promise<void> {
    const colon = name.lastIndexOf(":");
    const hasTag = colon > name.lastIndexOf("/");
    const query = {
      repo: hasTag ? name.slice(0, colon) : name,
      tag: hasTag ? name.slice(colon + 1) : "latest",
    };
    try {
      await this.ask({ method: "POST", path: `/images/${encodeURI(image)}/tag`, query });
    } finally {
      this.imageChanges++;
    }
  }

  /** Takes one name away, and the image with its last name. Never by force: a container that uses the image keeps it. */
  async untag(name: string): Promise<Removal> {
    try {
      const removed = await this.askIfThere({
        method: "DELETE",
        path: `/images/${encodeURI(name)}`,
        timeoutMs: 600_000, // a slow disk takes its time over layers of gigabytes
      });
      return removed === undefined ? "missing" : "removed";
    } catch (error) {
      if (!(error instanceof EngineError && error.statusCode === 409)) throw error;
      const image = await this.image(name);
      return { usedBy: image ? await this.containersOf(image.id) : [] };
    } finally {
      this.imageChanges++;
    }
  }

  /** Containers, running or not, that stand on an image. */
  async containersOf(imageId: string): Promise<ContainerUse[]> {
    const containers = await this.containers({ ancestor: [imageId] });
    return containers.map(({ name, state }) => ({ name, state }));
  }

  /** Containers, running or not, by Docker's filters, e.g. `{ label: ["gpu-build-host.stack=dev"] }`. */
  async containers(filters: Record<string, string[]>): Promise<ContainerOnEngine[]> {
    const found = await this.ask<ContainerLine[]>({
      path: "/containers/json",
      query: { all: true, filters },
    });
    return found.map(({ Names, Id, State, ImageID }) => ({
      id: Id,
      image: ImageID,
      name: Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12),
      state: State,
    }));
  }

  /** Removes a container, running or not, with its unnamed volumes. */
  async removeContainer(id: string): Promise<void> {
    await unlessMissing(
      this.ask({ method: "DELETE", path: `/containers/${id}`, query: { force: true, v: true } }),
    );
  }

  /** Bytes of each image by name: all, and those that no other image shares. */
  async imageSizes(): Promise<Map<string, { size: number; unique: number }>> {
    // With the type named the engine need not measure volumes and the build cache.
    const { Images } = await this.ask<{ Images: (ImageLine & { Size: number; SharedSize: number })[] }>({
      path: "/system/df",
      query: { type: "image" },
    });
    return new Map(
      Images.flatMap(({ RepoTags, Size, SharedSize }) =>
        (RepoTags ?? []).map((tag) => [tag, { size: Size, unique: Size - Math.max(0, SharedSize) }] as const),
      ),
    );
  }

  /** One request; undefined where the engine has no such thing. */
  askIfThere<T>(request: EngineRequest): Promise<T | undefined> {
    return unlessMissing(this.ask<T>(request));
  }

  /** One request; an engine that does not answer becomes one clear line. */
  async ask<T>(request: EngineRequest): Promise<T> {
    try {
      return await engineRequest<T>(socketOf(this.host), request);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EACCES")
        throw new UserError(
          `no permission for the Docker Engine at ${this.host}; run as a user who may use Docker`,
        );
      if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET")
        throw new UserError(
          `the Docker Engine at ${this.host} does not answer (${code}); start it and run again`,
        );
      if (error instanceof NoAnswer)
        throw new UserError(
          `the Docker Engine at ${this.host} does not answer (${error.message}): it is stopped or very busy; look at its log, then run again`,
        );
      throw error;
    }
  }
}

interface ImageAnswer {
  Id: string;
  RepoTags?: string[] | null;
  RootFS?: { Layers?: string[] };
  Size: number;
  Created: string;
}

interface ImageLine {
  Id: string;
  RepoTags?: string[] | null;
  /** Seconds since 1970. */
  Created: number;
}

interface ContainerLine {
  Id: string;
  ImageID: string;
  Names: string[];
  State: string;
}

interface EngineInfo {
  ID: string;
  ServerVersion: string;
  DockerRootDir: string;
  Runtimes?: Record<string, unknown>;
  DiscoveredDevices?: { ID?: string }[];
}

function readFacts(info: EngineInfo): EngineFacts {
  return {
    id: info.ID,
    version: info.ServerVersion,
    dataRoot: info.DockerRootDir,
    gpus:
      "nvidia" in (info.Runtimes ?? {}) ||
      (info.DiscoveredDevices ?? []).some(({ ID }) => ID?.startsWith("nvidia.com/gpu")),
  };
}

const engines = new Map<string, Engine>();

/** The engine at an address; one connection for each in this process. */
export function engineAt(host: string): Engine {
  let engine = engines.get(host);
  if (!engine) {
    engine = new Engine(host);
    engines.set(host, engine);
  }
  return engine;
}
