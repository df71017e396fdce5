import type { Answer, Fact } from "../types.ts";
import { isAtLeast } from "../versions.ts";
import { fails, unknown, warns, works } from "./answers.ts";
import { branchOf, type Context } from "./context.ts";
import { driverFact, reportedCuda } from "./driver.ts";

/** Second floor: NVIDIA's runtime hook compares the driver with what the image requires when a container starts. */
export function containerStarts(context: Context): Answer[] {
  const { image, host, combination } = context;
  const rule = "container-starts";
  const imageFact: Fact = {
    name: "image",
    value: combination.cudaImage,
    from: "gpu-build-host:cudaBase.image",
  };
  if (context.gpus?.length === 0) return [];
  if (host.gpuAccess === "none")
    return [
      fails("gpu-access", "start", {
        text: "Neither the runtime nvidia nor a CDI device is in the engine: no container gets a GPU",
        facts: [{ name: "gpuAccess", value: "none", from: host.from["gpuAccess"] ?? "this host" }],
        fix: "install NVIDIA Container Toolkit, then sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl reload docker",
      }),
    ];
  if (!image.isNvidia || host.driver === undefined) return [];
  const branch = branchOf(host.driver);
  if (branch === undefined) return [];
  const facts = [driverFact(context), imageFact];
  const required = image.row?.requiresCuda ?? image.cuda;
  const toolkit = required ? context.index.toolkits.get(required) : undefined;
  const least = toolkit?.ptxDriver;
  if (!required || !least)
    return host.gpuAccess === "cdi"
      ? []
      : [
          unknown(rule, "start", {
            text: `What ${combination.cudaImage} requires of the driver is not in the data`,
            facts,
          }),
        ];
  const sources = image.row?.sources ?? toolkit.sources;
  const reported = reportedCuda(host.driver, context.data);
  if (reported ? isAtLeast(reported, required) : isAtLeast(host.driver, least))
    return [
      works(rule, {
        text: `Driver ${host.driver} passes what the image requires (cuda>=${required})`,
        facts,
        sources,
      }),
    ];
  if (host.gpuAccess === "cdi")
    return [
      warns(rule, {
        text: `The image requires cuda>=${required} (driver ${least}); with CDI nothing compares it with driver ${host.driver} when a container starts`,
        facts,
        sources: [...sources, ...statementSources(context, "requirement-not-on-cdi")],
        fix: `upgrade the driver to ${least} or newer`,
      }),
    ];
  if (isRequirementOff(context))
    return [
      unknown(rule, "run", {
        text: `NVIDIA_DISABLE_REQUIRE lets driver ${host.driver} start the image, which brings its own libcuda: on GeForce, and with other branches than it is for, that ends with "Error 804: forward compatibility was attempted on non supported HW"`,
        facts,
        sources: [...sources, ...statementSources(context, "disable-require")],
        fix: `upgrade the driver to ${least} or newer`,
      }),
    ];
  const passes = passesByBranch(context, branch);
  if (
    passes === true &&
    context.gpus?.every(({ brand }) => brand === "data-center" || brand === "workstation")
  )
    return [
      works(rule, {
        text: `The image lets drivers of branch ${branch} start it on this GPU`,
        facts,
        sources,
      }),
    ];
  if (passes === true)
    return [
      unknown(rule, "run", {
        text: `The image lets drivers of branch ${branch} start it, but brings its own libcuda, which ends on GeForce with "Error 804: forward compatibility was attempted on non supported HW"`,
        facts,
        sources,
        fix: `upgrade the driver to ${least} or newer`,
      }),
    ];
  const text = `The image requires cuda>=${required}, so driver ${least} or newer; the host has ${host.driver}`;
  const fix = `upgrade the driver to ${least} or newer, take an older nvidia/cuda image, or give the GPU by CDI`;
  if (host.gpuAccess === "runtime" && passes === false)
    return [
      fails(rule, "start", {
        text: `${text}: nvidia-container-cli refuses it ("unsatisfied condition: cuda>=${required}")`,
        facts,
        sources,
        fix,
      }),
    ];
  return [
    unknown(rule, "start", {
      text: `${text}: through NVIDIA's runtime it does not start, through CDI it does`,
      facts,
      sources,
      fix,
    }),
  ];
}

/** Every image tells NVIDIA's runtime hook to pass over what it requires of the driver. */
const isRequirementOff = ({ images }: Context) =>
  images.length > 0 &&
  images.every(({ environment }) => /^(1|true)$/i.test(environment["NVIDIA_DISABLE_REQUIRE"] ?? ""));

/** Whether the image names this driver branch for all GPUs (true) or none (false). */
function passesByBranch({ image, gpus }: Context, branch: number): boolean | undefined {
  const older = image.row?.olderBranches;
  if (!older) return image.row?.olderBranches === null ? undefined : false;
  const inGeforce = older.geforce.includes(branch);
  const inDataCenter = older.dataCenter.includes(branch);
  if (inGeforce === inDataCenter) return inGeforce;
  const each = gpus?.map(({ brand }) =>
    brand === undefined ? undefined : brand === "geforce" || brand === "titan" ? inGeforce : inDataCenter,
  );
  if (!each || each.includes(undefined)) return undefined;
  return each.every((passes) => passes === each[0]) ? each[0] : undefined;
}

const statementSources = ({ data }: Context, id: string) =>
  data.hostStatements.find((statement) => statement.id === id)?.sources ?? [];
