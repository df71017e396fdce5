import * as pulumi from "@pulumi/pulumi";
import { Image, type ImageArgs } from "../provider/sdk.ts";

export interface CudaBaseArgs {
  /** PyTorch with its CUDA libraries, for services that run. */
  runtime: ImageArgs;
  /** The same with compilers and CUDA headers, for stages that build; it stands on `runtime`. */
  devel: ImageArgs;
}

/** The two images that every service of a CUDA version shares. PyTorch is on the disk once for both. */
export class CudaBase extends pulumi.ComponentResource {
  /** The images by name, for services to depend on. */
  public readonly images: Record<string, Image>;

  constructor(name: string, args: CudaBaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:CudaBase", name, {}, opts);

    const runtime = new Image(args.runtime.plan.name, args.runtime, { parent: this });
    const devel = new Image(args.devel.plan.name, args.devel, { parent: this, dependsOn: runtime });
    this.images = { [args.runtime.plan.name]: runtime, [args.devel.plan.name]: devel };
    this.registerOutputs({});
  }
}
