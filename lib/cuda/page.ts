import type { CudaData } from "./data-schema.ts";
import { Page } from "./page-text.ts";

/** The page for people, in Markdown: `docs/cuda-compatibility.md`. The same data give the same text. */
export function compatibilityPage(data: CudaData): string {
  const page = new Page();
  page.text(
    "# CUDA compatibility",
    `What the project knows of CUDA, drivers, GPUs, PyTorch and what goes with it, as of ${data.updated}. This page is made from [lib/cuda/compatibility.json](../lib/cuda/compatibility.json) by \`npm run lock -- compat\`: change that file, not this one.`,
    "Every row ends with its sources. `?` is not known; why stands below the table. An empty cell means none.",
  );
  toolkits(page, data);
  gpus(page, data);
  pytorch(page, data);
  companions(page, data);
  images(page, data);
  statements(page, data);
  page.text("## Sources");
  page.list(
    Object.entries(data.sources).map(([id, source]) => {
      const note = source.note === undefined ? "" : `. ${source.note}`;
      return `[${id}]: ${source.title}, ${kinds[source.kind]}${note}`;
    }),
  );
  page.definitions(data.sources);
  return page.toString();
}

const kinds: Record<CudaData["sources"][string]["kind"], string> = {
  primary: "the maker's own",
  secondary: "somebody else's",
  measured: "measured",
  issue: "a report",
  index: "a package index",
};

function toolkits(page: Page, data: CudaData): void {
  page.text(
    "## Toolkits and drivers",
    "Three floors: with the least driver of the major, machine code of the wheels runs; with the toolkit's own, PTX is sure to compile too; and a container of `nvidia/cuda` starts through NVIDIA's runtime hook where the driver reports the image's CUDA version ([images](#images)). Linux x86-64; under WSL2 the driver is that of Windows.",
  );
  page.table(data.cudaToolkits, "version", {
    CUDA: (it) => it.version,
    "machine code runs from": (it) => it.minorVersionDriver,
    "on Windows": (it) => it.minorVersionWindowsDriver,
    "PTX compiles from": (it) => it.ptxDriver,
    "driver of each release": (it) => perPoint(it.drivers),
    "on Windows ": (it) => perPoint(it.windowsDrivers),
    "compiles for": (it) => it.computeCapabilities,
  });
  page.text("### Driver branches");
  page.table(data.driverBranches, "branch", {
    branch: (it) => String(it.branch),
    "reports CUDA": (it) => it.cuda,
    kind: (it) => it.kind,
    "supported until": (it) => it.endOfLife,
  });
}

function gpus(page: Page, data: CudaData): void {
  page.text("## GPUs");
  page.table(data.gpuArchitectures, "family", {
    family: (it) => it.family,
    "compute capability": (it) => it.computeCapabilities,
    "first toolkit": (it) => it.firstToolkit,
    "last toolkit": (it) => (it.lastToolkitMajor === undefined ? "" : `${it.lastToolkitMajor}.x`),
    "last driver branch": (it) => (it.lastDriverBranch === undefined ? "" : String(it.lastDriverBranch)),
    "last torch that builds extensions for it": (it) => it.lastTorch ?? "",
  });
  page.text("### Models");
  page.table(data.gpuModels, "computeCapability", {
    "compute capability": (it) => it.computeCapability,
    kind: (it) => it.brand,
    models: (it) => it.models.join(", "),
  });
  page.text("### Least torch and CUDA by compute capability");
  page.table(data.gpuFloors, "computeCapability", {
    "compute capability": (it) => it.computeCapability,
    torch: (it) => it.minTorch,
    CUDA: (it) => it.minCuda,
  });
}

function pytorch(page: Page, data: CudaData): void {
  page.text(
    "## PyTorch",
    "`cu128` is the index `https://download.pytorch.org/whl/cu128`, with builds for CUDA 12.8.",
  );
  page.table(data.pytorchReleases, "torch", {
    torch: (it) => it.torch,
    indexes: (it) => it.indexes,
    "CUDA on PyPI": (it) => it.pypiCuda,
    Python: (it) => it.python,
    torchvision: (it) => it.torchvision,
    torchaudio: (it) => it.torchaudio,
    triton: (it) => it.triton,
    cuDNN: (it) => perPoint(it.cudnn),
    NCCL: (it) => perPoint(it.nccl),
  });
  page.text(
    "### What its wheels hold",
    "Machine code for X.y runs on X.z with z ≥ y, and on no other major; PTX is compiled by the driver for X.y and all newer.",
  );
  page.table(data.pytorchWheels, "torch", {
    torch: (it) => it.torch,
    index: (it) => it.index,
    "machine code": (it) => it.cubins,
    PTX: (it) => it.ptx,
  });
}

function companions(page: Page, data: CudaData): void {
  page.text("## xFormers");
  page.table(data.xformers, "xformers", {
    xformers: (it) => it.xformers,
    "compiled against torch": (it) => it.torch,
    "requires torch": (it) => code(it.requiresTorch),
    "CUDA on PyPI": (it) => it.pypiCuda,
    "flash-attn": (it) => it.flashAttn && `${it.flashAttn.min} to ${it.flashAttn.max}`,
    "with another one": (it) =>
      it.flashAttn && (it.flashAttn.outside === "import-fails" ? "its import fails" : "uses torch's own"),
    "machine code": (it) => it.cubins?.map((one) => (it.exactOnly?.includes(one) ? `${one}a` : one)) ?? null,
    PTX: (it) => it.ptx,
  });
  page.text("## flash-attn", "Official wheels; none are on PyPI.");
  page.table(data.flashAttn, "flashAttn", {
    "flash-attn": (it) => it.flashAttn,
    date: (it) => it.date,
    torch: (it) => it.torch,
    Python: (it) => it.python,
    CUDA: (it) => it.cudaMajors.map(String),
    "built with": (it) => it.builtWithCuda,
    "machine code": (it) => it.cubins,
  });
  page.text("## CTranslate2");
  page.table(data.ctranslate2, "versions", {
    ctranslate2: (it) => code(it.versions),
    "built with CUDA": (it) => it.builtWithCuda,
    opens: (it) => it.loads.map(code).join(" "),
    "compute capability from": (it) => it.leastComputeCapability ?? "",
  });
  page.text("## whisperX");
  page.table(data.whisperx, "whisperx", {
    whisperx: (it) => `${it.whisperx}${it.isYanked ? " (yanked)" : ""}`,
    date: (it) => it.date,
    Python: (it) => code(it.python),
    torch: (it) => code(it.torch),
    ctranslate2: (it) => code(it.ctranslate2),
    "pyannote-audio": (it) => code(it.pyannoteAudio),
    numpy: (it) => code(it.numpy),
  });
  page.text(
    "## Packages that clash though their metadata allows it, or where a resolver has no better answer",
  );
  page.table(data.packageClashes, "id", {
    "not together": (it) =>
      [
        ...Object.entries(it.when).map(([name, range]) => code(name + range)),
        code(it.package + it.versions),
      ].join(", "),
    shows: (it) => it.place,
    why: (it) => it.text,
    "what to do": (it) => it.fix,
  });
  page.text("## Seen to work, or not");
  page.table(data.observations, "id", {
    packages: (it) =>
      Object.entries(it.packages)
        .map(([name, version]) => code(`${name}==${version}`))
        .join(" "),
    where: (it) =>
      [
        it.service,
        it.cuda && `CUDA ${it.cuda}`,
        it.python && `Python ${it.python}`,
        it.computeCapability && `on ${it.computeCapability}`,
      ]
        .filter(Boolean)
        .join(", "),
    works: (it) => `${it.works ? "yes" : "no"}, ${it.place}`,
    condition: (it) => it.condition,
  });
}

function images(page: Page, data: CudaData): void {
  page.text(
    "## Images",
    "Tags of `nvidia/cuda`. Older branches are those that NVIDIA's runtime hook lets pass although they report an older CUDA version.",
  );
  page.table(data.nvidiaImages, "point", {
    release: (it) => it.point,
    distributions: (it) => it.distributions,
    "driver must report": (it) => it.requiresCuda,
    "older branches, GeForce": (it) => it.olderBranches?.geforce.map(String) ?? null,
    "older branches, data center": (it) => it.olderBranches?.dataCenter.map(String) ?? null,
    cuDNN: (it) => it.cudnn,
    NCCL: (it) => it.nccl,
    cuBLAS: (it) => it.cublas,
  });
  page.text("### Releases without support", "Their tags get no updates and may be deleted.");
  page.table(data.endedImages, "point", {
    release: (it) => it.point,
    "superseded by": (it) => it.supersededBy ?? "",
  });
  page.text("### Distributions and Python");
  page.table(data.distributions, "id", {
    distribution: (it) => it.id,
    Python: (it) => it.python,
    "supported until": (it) => it.endOfLife,
    "pip wants a virtual environment": (it) =>
      it.isExternallyManaged === null ? null : it.isExternallyManaged ? "yes" : "no",
  });
  page.table(data.pythonReleases, "python", {
    Python: (it) => it.python,
    "supported until": (it) => it.endOfLife,
  });
}

function statements(page: Page, data: CudaData): void {
  page.text("## The host");
  page.table(data.hostRequirements, "id", {
    needs: (it) => `${it.component} ${it.minVersion}`,
    for: (it) => it.text,
  });
  page.list(data.hostStatements.map((it) => `${it.text} (${page.links(it)})`));
  page.text("## Building");
  page.list(data.buildStatements.map((it) => `${it.text} (${page.links(it)})`));
}

function perPoint(facts: Record<string, string> | null): string | null {
  return (
    facts &&
    Object.entries(facts)
      .map(([name, value]) => `${name}: ${value}`)
      .join(", ")
  );
}

function code(text: string | null): string | null {
  return text && `\`${text}\``;
}
