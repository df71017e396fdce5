import assert from "node:assert/strict";
import { until } from "./background-run.ts";
import { cacheName, DevStack } from "./dev-stack.ts";
import { freePort } from "../integration/free-ports.ts";
import { pushTinyImage, type TinyImage } from "./tiny-image.ts";

// The cache stands on volumes that the test makes: small ones, and such as belong to somebody else.
describe("the cache's volume", function () {
  this.timeout(5 * 60_000);
  let stack: DevStack;
  let port: number;
  const root = "/var/lib/registry";

  before(async () => {
    stack = await DevStack.open();
    const component = stack.project.read("components/fenced-container.ts");
    assert.match(component, /waitTimeout: \d+,/);
    stack.project.write(
      "components/fenced-container.ts",
      component.replace(/waitTimeout: \d+,/, "waitTimeout: 8,"),
    );
    port = await freePort();
  });
  after(() => stack.remove());

  /** Makes a volume and tells the stack to keep the layers in it. */
  async function useVolume(name: string, options: string[] = []): Promise<void> {
    await stack.docker("volume", "create", ...options.flatMap((option) => ["--opt", option]), name);
    stack.configure({ port, volume: name });
  }
  const inCache = (script: string) => stack.docker("exec", "--user", "nobody", cacheName, "sh", "-c", script);
  const health = () => stack.docker("inspect", "--format={{.State.Health.Status}}", cacheName);
  const pullFromCache = ({ repository }: TinyImage) =>
    stack.tryDocker("pull", `127.0.0.1:${port}/${repository}:1`);
  const pull = ({ repository }: TinyImage) =>
    stack.tryDocker("pull", `${repository.slice("library/".length)}:1`);

  describe("on a full disk", () => {
    before(async () => {
      await useVolume("small", ["type=tmpfs", "device=tmpfs", "o=size=6m,nr_inodes=400"]);
      await stack.start();
    });

    const fillings = {
      "has no bytes left": "head -c 9000000 /dev/zero > filling/zeros",
      "has no files left": "i=0; while echo > filling/$i; do i=$((i+1)); done",
    };
    for (const [what, fill] of Object.entries(fillings)) {
      it(`is passed by while it ${what}, says so, and works again by itself`, async () => {
        const [cached, first, second] = [await tiny(), await tiny(), await tiny()];
        assert.equal((await pullFromCache(cached)).exitCode, 0);
        await inCache(`cd ${root} && mkdir filling; ( ${fill} ) 2> /dev/null; true`);
        const own = await pullFromCache(first);
        assert.notEqual(own.exitCode, 0, own.output);
        const other = await pull(first);
        assert.equal(other.exitCode, 0, other.output);
        await until("the health check to notice", async () => (await health()) === "unhealthy" || undefined);
        assert.match(await words(), /no space left on device/);
        await stack.docker("image", "rm", `127.0.0.1:${port}/${cached.repository}:1`);
        // By its digest: for a tag the registry notes what the upstream says now, which it cannot.
        const pinned = `127.0.0.1:${port}/${cached.repository}@${cached.manifest}`;
        const kept = await stack.tryDocker("pull", pinned);
        assert.equal(kept.exitCode, 0, `what it has it serves: ${kept.output}`);
        await inCache(`rm -r ${root}/filling`);
        assert.equal((await pullFromCache(second)).exitCode, 0);
        await until("the health check to agree", async () => (await health()) === "healthy" || undefined);
      });
    }
  });

  describe("of somebody else's", () => {
    it("is handed to the registry's user where another one owned it", async () => {
      await useVolume("foreign");
      await stack.docker(
        ...["run", "--rm", "--network=none", "--entrypoint=sh", `--volume=foreign:${root}`],
        ...[await cacheImage(), "-c", `mkdir -p ${root}/docker/registry/v2/blobs && chown -R 1234 ${root}`],
      );
      await stack.start();
      const { exitCode, output } = await pullFromCache(await tiny());
      assert.equal(exitCode, 0, output);
      assert.equal(await inCache(`find ${root} ! -user nobody | wc -l`), "0");
    });

    it("is named where it can only be read, and the next start goes on with another", async () => {
      await useVolume("read-only", ["type=tmpfs", "device=tmpfs", "o=ro"]);
      const { exitCode, output } = await stack.run("start");
      assert.notEqual(exitCode, 0);
      assert.match(output, /^registry-cache-server: /m);
      assert.match(output, /read-only file system/i);
      stack.configure({ port, volume: "foreign" });
      await stack.start();
      assert.deepEqual(await stack.preview(), []);
    });
  });

  const tiny = () => pushTinyImage(stack.upstreamPort);
  const words = async () => (await stack.tryDocker("logs", "--tail=200", cacheName)).output;
  const cacheImage = () => stack.docker("inspect", "--format={{.Config.Image}}", cacheName);
});
