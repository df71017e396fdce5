import { planPrune } from "../../lib/prune/plan.ts";
import { cacheVolumes } from "../../lib/report/cache-volumes.ts";
import type { ReportFacts } from "../../lib/report/make-report.ts";
import { settingsOf } from "../doctor/fed-facts.ts";
import { content, ledgerWith, options as pruneOptions } from "../prune/facts.ts";
import { day, madeHistory, now, referenceOf, tags } from "./made-history.ts";

/** A made-up stack of four images with a history of weeks: what a page shows when all of it is there. */

/** The facts of a report, with changes. */
export function madeFacts(changes: Partial<ReportFacts> = {}): ReportFacts {
  return {
    stack: "dev",
    now,
    declared: Object.entries(tags).map(([name, tag]) => ({ name, tags: [tag] })),
    history: madeHistory(),
    notes: [],
    findings: [
      {
        ...{
          id: "dockerfile.order",
          file: "services/whisperx/Dockerfile",
          line: 7,
          status: "WARN",
          message: "",
        },
        fix: "move it below line 8; what the install reads (a requirements file, a lock) is copied above by name",
        cost: { line: 8, what: "COPY . before pip3 install" },
      },
    ],
    dockerfiles: [
      {
        image: "cuda-base-runtime",
        file: "cuda-base/Dockerfile.runtime",
        steps: [{ label: "runtime 5", line: 40, text: "RUN apt-get upgrade", isInImage: true }],
      },
      {
        image: "whisperx",
        file: "services/whisperx/Dockerfile",
        steps: [
          { label: "stage-0 3", line: 7, text: "COPY . .", isInImage: true },
          { label: "stage-0 4", line: 8, text: "RUN pip3 install", isInImage: true },
        ],
      },
    ],
    engine: engineState(),
    ...changes,
  };
}

function engineState(): NonNullable<ReportFacts["engine"]> {
  const settings = settingsOf({
    registryCache: { maxSize: "2GB", registries: { "nvcr.io": { port: 5001 } } },
    packageCache: { mode: "own" },
    buildCache: { type: "registry", port: 5005 },
  });
  const os = { "ADD rootfs.tar /": 78e6, "RUN /bin/sh -c apt-get install cuda-cudart-12-8 # buildkit": 14e6 };
  const torch = {
    ...os,
    "RUN |1 LOCK=torch2.7.1 /bin/sh -c /installer/add-packages /run/nvidia.lock # buildkit": 2.9e9,
    "RUN |1 LOCK=torch2.7.1 /bin/sh -c /installer/add-packages /run/torch.lock # buildkit": 2.5e9,
    "RUN /bin/sh -c apt-get upgrade -qq -y # buildkit": 96e6,
  };
  const made = content(
    [
      { tags: ["cuda-base:runtime-12.8", referenceOf("cuda-base-runtime")], layers: torch, days: 3 },
      {
        tags: ["cuda-base:devel-12.8", referenceOf("cuda-base-devel")],
        layers: { ...torch, "RUN /bin/sh -c apt-get install gcc-12 cuda-nvcc-12-8 # buildkit": 350e6 },
        days: 3,
      },
      {
        tags: ["whisperx:cu128", referenceOf("whisperx")],
        layers: {
          ...torch,
          "COPY . /app # buildkit": 2e6,
          "RUN /bin/sh -c pip3 install -r requirements.txt # buildkit": 961e6,
        },
        days: 1,
      },
      {
        tags: ["localhost:1/dev/whisperx:cu128-fedcba9876543210"],
        layers: { ...torch, "COPY . /app # buildkit (earlier)": 2e6, "RUN pip3 install (earlier)": 958e6 },
        days: 3,
      },
      {
        tags: ["infinitetalk:cu128", referenceOf("infinitetalk")],
        layers: {
          ...torch,
          "RUN /bin/sh -c pip3 install -r /run/requirements.lock # buildkit": 1.8e9,
          "COPY app /app # buildkit": 21e6,
        },
        days: 1,
      },
      {
        tags: ["postgres:17"],
        layers: { "ADD alpine.tar /": 8e6, "RUN apk add postgresql": 250e6 },
        days: 200,
      },
    ],
    {
      disk: { images: 10.1e9, cache: 6.4e9 },
      volumes: [
        { name: "gpu-build-host-dev-registry-cache", stack: "dev", bytes: 412e6, inUse: true },
        { name: "gpu-build-host-dev-registry-cache-nvcr.io", stack: "dev", bytes: 1.1e9, inUse: true },
        { name: "gpu-build-host-dev-package-cache", stack: "dev", bytes: 11.4e9, inUse: true },
        { name: "gpu-build-host-dev-build-cache", stack: "dev", bytes: 3.2e9, inUse: true },
        { name: "gpu-build-host-dev-registry-cache-ghcr.io", stack: "dev", bytes: 75e6, inUse: false },
        { name: "gpu-build-host-other-registry-cache", stack: "other", bytes: 9e9, inUse: true },
      ],
      cache: [
        {
          id: "1",
          parents: [],
          type: "regular",
          bytes: 2.1e9,
          inUse: false,
          shared: false,
          lastUsed: now - 30 * day,
        },
        {
          id: "2",
          parents: [],
          type: "exec.cachemount",
          bytes: 4.3e9,
          inUse: false,
          shared: false,
          lastUsed: now - day,
        },
      ],
    },
  );
  for (const image of made.layers)
    image.layers = image.layers.map((layer) => ({ ...layer, made: layer.chain }));
  const plan = planPrune(made, ledgerWith({}), { ...pruneOptions, now, olderThan: 14 * day });
  return {
    name: "Docker Engine 28.5.1, overlay2",
    content: made,
    prune: plan,
    keepStorage: 20e9,
    cacheLimit: 40e9,
    caches: cacheVolumes(settings),
    room: { free: 312e9, total: 980e9, freeFiles: 1, totalFiles: 2 },
    cacheUse: {
      requests: 148,
      hits: 139,
      pulledBytes: 92e6,
      since: new Date(now - 26 * day).toISOString(),
    },
  };
}
