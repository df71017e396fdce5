import type Dockerode from "dockerode";
import { UserError } from "../errors.ts";

/** What is asked of a Docker Engine about itself. */
export interface EngineFacts {
  /** Stays for the life of the data root. */
  id: string;
  version: string;
  /** Whether images lie in the containerd store: a pinned local name then needs `@<image ID>`. */
  containerdStore: boolean;
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

/** Result of taking a name away. */
export type Removal = "removed" | "missing" | { usedBy: ContainerUse[] };

/** The Docker Engine behind one local socket; every call is one request over the socket. */
export class Engine {
  readonly host: string;
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

  /** The client itself, for what is not here. */
  client(): Promise<Dockerode> {
    // Loading the library takes a while; only what really asks the engine pays for it.
    this.connection ??= import("dockerode").then(
      (library) => new library.default({ socketPath: this.host.slice("unix://".length) }),
    );
    return this.connection;
  }

  async info(): Promise<EngineFacts> {
    this.facts ??= this.call(async (docker) => readFacts((await docker.info()) as EngineInfo)).catch(
      (error: unknown) => {
        this.facts = undefined; // it may answer next time
        throw error;
      },
    );
    return this.facts;
  }

  /** The image behind a name or ID; undefined where there is none. */
  image(reference: string): Promise<EngineImage | undefined> {
    return this.call(async (docker) => {
      const found = await unlessMissing(docker.getImage(reference).inspect());
      if (!found) return undefined;
      return {
        id: found.Id,
        tags: found.RepoTags ?? [],
        layers: found.RootFS?.Layers ?? [],
        size: found.Size,
        created: Date.parse(found.Created) || 0,
      };
    });
  }

  /** Names that match a pattern such as `"localhost:1/dev/whisperx:*"`, newest image first. */
  names(pattern: string): Promise<{ name: string; id: string }[]> {
    return this.call(async (docker) => {
      const images = await docker.listImages({ filters: JSON.stringify({ reference: [pattern] }) });
      const matches = new RegExp(
        `^${pattern
          .split("*")
          .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
          .join("[^/]*")}$`,
      );
      return images
        .sort((a, b) => b.Created - a.Created)
        .flatMap(({ Id, RepoTags }) =>
          (RepoTags ?? []).filter((name) => matches.test(name)).map((name) => ({ name, id: Id })),
        );
    });
  }

  /** Gives an image a further name, which leaves whatever had it. */
  async tag(image: string, name: string): Promise<void> {
    const colon = name.lastIndexOf(":");
    const hasTag = colon > name.lastIndexOf("/");
    const options = {
      repo: hasTag ? name.slice(0, colon) : name,
      tag: hasTag ? name.slice(colon + 1) : "latest",
    };
    await this.call((docker) => docker.getImage(image).tag(options));
  }

  /** Takes one name away, and the image with its last name. Never by force: a container that uses the image keeps it. */
  untag(name: string): Promise<Removal> {
    return this.call(async (docker) => {
      try {
        return (await unlessMissing(docker.getImage(name).remove({}))) === undefined ? "missing" : "removed";
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode !== 409) throw error;
        const image = await this.image(name);
        return { usedBy: image ? await this.containersOf(image.id) : [] };
      }
    });
  }

  /** Containers, running or not, that stand on an image. */
  containersOf(imageId: string): Promise<ContainerUse[]> {
    return this.call(async (docker) => {
      const containers = await docker.listContainers({
        all: true,
        filters: JSON.stringify({ ancestor: [imageId] }),
      });
      return containers.map(({ Names, Id, State }) => ({
        name: Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12),
        state: State,
      }));
    });
  }

  /** Runs a request; an engine that does not answer becomes one clear line. */
  private async call<T>(work: (docker: Dockerode) => Promise<T>): Promise<T> {
    try {
      return await work(await this.client());
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "ENOENT" || code === "ECONNREFUSED" || code === "EACCES" || code === "ECONNRESET")
        throw new UserError(
          code === "EACCES"
            ? `no permission for the Docker Engine at ${this.host}; run as a user who may use Docker`
            : `the Docker Engine at ${this.host} does not answer (${code}); start it and run again`,
        );
      throw error;
    }
  }
}

interface EngineInfo {
  ID: string;
  ServerVersion: string;
  DriverStatus?: [string, string][];
  Runtimes?: Record<string, unknown>;
  DiscoveredDevices?: { ID?: string }[];
}

function readFacts(info: EngineInfo): EngineFacts {
  return {
    id: info.ID,
    version: info.ServerVersion,
    containerdStore: (info.DriverStatus ?? []).some(([, value]) => value === "io.containerd.snapshotter.v1"),
    gpus:
      "nvidia" in (info.Runtimes ?? {}) ||
      (info.DiscoveredDevices ?? []).some(({ ID }) => ID?.startsWith("nvidia.com/gpu")),
  };
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
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
