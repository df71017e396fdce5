import assert from "node:assert/strict";
import { RealImages, runtime } from "./real-images.ts";

const dist = "$(python3 -c 'import sysconfig; print(sysconfig.get_paths()[\"purelib\"])')";

describe("base-check, the gate of every image on the base", function () {
  this.timeout(5 * 60_000);
  let images: RealImages;
  /** Damages a container and runs the gate in it; nothing is built. */
  const check = (damage: string, options = "") =>
    images.run(runtime, ["sh", "-c", `${damage} && base-check ${options} 2>&1 || echo "exit code $?"`]);

  before(async () => {
    images = await RealImages.open();
  });
  after(() => images.close());

  it("passes on the base itself", async () => {
    assert.equal(
      await check("true", "--libraries /opt/base/site --cuda 12.6 --lock torch2.7.1-cu126-py311"),
      "",
    );
  });

  it("names a library that is not found", async () => {
    const said = await check(
      "rm /opt/base/site/nvidia/nvjitlink/lib/libnvJitLink.so.12",
      "--libraries /opt/base/site",
    );
    assert.match(said, /needs libnvJitLink\.so\.12[\s\S]*exit code 1/);
  });

  it("names another version of torch, a second copy of it, and a torch of another CUDA", async () => {
    const other = await check(
      `cd ${dist} && mv torch-2.7.1.dist-info torch-2.8.0.dist-info && sed -i 's/^Version: .*/Version: 2.8.0/' torch-2.8.0.dist-info/METADATA`,
    );
    assert.match(other, /torch: the base has 2\.7\.1.*found 2\.8\.0/);
    assert.match(
      await check(`mkdir ${dist}/torch && touch ${dist}/torch/__init__.py`),
      /torch: its code is .*dist-packages\/torch/,
    );
    assert.match(await check("true", "--cuda 12.8"), /compiled for CUDA 12\.6, CUDA=12\.8 was asked for/);
  });

  it("names a console script whose executable was left behind", async () => {
    assert.match(
      await check("rm /usr/local/bin/torchrun"),
      /torchrun: its package is there, its executable is not/,
    );
  });

  it("names packages that do not fit together, unless they are allowed", async () => {
    const wrong = `mkdir ${dist}/odd-1.0.dist-info && printf 'Metadata-Version: 2.1\\nName: odd\\nVersion: 1.0\\nRequires-Dist: numpy<1\\n' > ${dist}/odd-1.0.dist-info/METADATA && touch ${dist}/odd-1.0.dist-info/RECORD`;
    assert.match(await check(wrong), /The package `odd` requires `numpy<1`/);
    assert.equal(await check(wrong, "--allow odd"), "");
  });

  it("names a package that is installed twice", async () => {
    const twice = `mkdir ${dist}/sympy-9.9.dist-info ${dist}/sympy-8.8.dist-info && for v in 9.9 8.8; do printf "Metadata-Version: 2.1\\nName: sympy\\nVersion: $v\\n" > ${dist}/sympy-$v.dist-info/METADATA; done`;
    assert.match(await check(twice), /sympy: installed as /);
  });
});
