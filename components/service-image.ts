import * as pulumi from "@pulumi/pulumi";
import { Image, type ImageArgs } from "../provider/sdk.ts";

/** One service's image; what it stands on is found in its Dockerfile. */
export class ServiceImage extends pulumi.ComponentResource {
  /** The image, for others to depend on. */
  public readonly image: Image;

  constructor(name: string, args: ImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:ServiceImage", name, {}, opts);

    // Dependencies are given to the image itself: a component's own are not waited for by Pulumi in every case.
    this.image = new Image(name, args, { parent: this, dependsOn: opts?.dependsOn });
    this.registerOutputs({});
  }
}
