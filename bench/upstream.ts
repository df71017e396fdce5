import { join } from "node:path";
import { cudaStandIn } from "../sandbox/stand-in-debian.ts";
import { makeStandIn } from "../sandbox/stand-in-image.ts";
import { registryStandIn } from "../sandbox/stand-in-registry.ts";
import { pushImage } from "../sandbox/stand-ins.ts";
import { sandboxLayout } from "../sandbox/layout.ts";
import { ensurePorts } from "../sandbox/ports.ts";
import { startUpstream, stopUpstream } from "../sandbox/upstream.ts";
import type { WorkOptions } from "../sandbox/steps.ts";
import { pythonStandIn } from "./stand-in-python.ts";
import type { Workload } from "./workload.ts";

export const registryImage = "registry:3.1.1";
/** What the package cache's image stands on in the quick mode, whose stand-in for nvidia/cuda has no apt. */
export const packageCacheBase = "debian:bookworm-slim";

/** The registry that stands for Docker Hub, with the images that the workload stands on. */
export interface BenchUpstream {
  port: number;
  /** Port for a way's own registry cache: one way runs at a time. */
  cachePort: number;
  /** The same for its package cache: Python's, Debian's. */
  packagePorts: [number, number];
  /** Bytes of the registry's image in a pull. */
  registryImageBytes: number;
  stop(): Promise<void>;
}

/** @param folder of the upstream's own; removed by whoever made it */
export async function serveUpstream(
  folder: string,
  workload: Workload,
  options: WorkOptions,
): Promise<BenchUpstream> {
  const layout = sandboxLayout(join(folder, "upstream"));
  const { upstream: port, cache: cachePort, spare } = await ensurePorts(layout);
  const packagePorts: [number, number] = [spare[0]!, spare[1]!];
  const names = new Set(
    [workload.first, workload.change, workload.second].flatMap(({ image, develImage }) => [
      image,
      develImage,
    ]),
  );
  const standInOf = workload.kind === "quick" ? pythonStandIn : cudaStandIn;
  try {
    await startUpstream(layout, port, options);
    const registry = await makeStandIn(registryStandIn(registryImage), options);
    await pushImage(port, registryImage, registry);
    for (const name of names) await pushImage(port, name, await makeStandIn(standInOf(name), options));
    if (workload.kind === "quick")
      await pushImage(port, packageCacheBase, await makeStandIn(cudaStandIn(packageCacheBase), options));
    const { layer, config, manifest } = registry;
    const registryImageBytes = layer.size + config.length + manifest.length;
    return { port, cachePort, packagePorts, registryImageBytes, stop: () => stopUpstream(layout) };
  } catch (error) {
    await stopUpstream(layout);
    throw error;
  }
}
