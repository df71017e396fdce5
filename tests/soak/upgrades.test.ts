import { checkUpgrade, printUpgrades } from "../integration/upgrade-checks.ts";
import { UpgradeHost, type Upgrade } from "../integration/upgrade-host.ts";

const torch27 = { cuda: "12.6", torch: "2.7.1" };
const torch28 = { cuda: "12.8", torch: "2.8.0" };
const torch211 = { cuda: "13.0", torch: "2.11.0" };
const bases = ["cuda-base-devel", "cuda-base-runtime"];

/** Six changes with the real packages, each with its bill against what came: about 25 GB of disk. */
describe("the bill of real upgrades", function () {
  this.timeout(90 * 60_000);
  const done: Upgrade[] = [];
  let host: UpgradeHost;

  before(async () => {
    host = await UpgradeHost.open();
    host.configure(torch27, ["whisperx"]);
    await host.upgrade("where it begins");
  });
  after(async () => {
    printUpgrades(done);
    await host.close();
  });

  const upgrade = (name: string, images: string[], change: () => unknown) =>
    it(name, async () => {
      await change();
      const result = await host.upgrade(name);
      done.push(result);
      checkUpgrade(result, images);
    });
  /** One more package in a lock, small and needed by nothing: an entry of InfiniteTalk's. */
  const add = (path: string) => {
    const [entry] = /^tomlkit==.*\n( {4}--hash=.*\n)+/m.exec(
      host.read("services/infinitetalk/locks/torch2.8.0-cu128-py311.lock"),
    )!;
    host.write(path, host.read(path) + entry);
  };

  upgrade("2.7.1 → 2.8.0, bases and WhisperX", [...bases, "whisperx"], () =>
    host.configure(torch28, ["whisperx"]),
  );
  upgrade("one more service: InfiniteTalk on 2.8.0", ["infinitetalk"], () =>
    host.configure(torch28, ["whisperx", "infinitetalk"]),
  );
  upgrade("one more package of WhisperX", ["whisperx"], () =>
    add("services/whisperx/locks/torch2.8.0-cu128-py311.lock"),
  );
  upgrade("one more package of the base", [...bases, "infinitetalk", "whisperx"], () =>
    add("cuda-base/locks/torch2.8.0-cu128-py311/python.lock"),
  );
  upgrade("2.8.0 → 2.11.0, bases", bases, () => host.configure(torch211, []));
  upgrade("2.11.0 built again after the cache mounts are gone", bases, async () => {
    await host.docker("builder", "prune", "--force", "--filter", "type=exec.cachemount");
    add("cuda-base/locks/torch2.11.0-cu130-py311/python.lock");
  });
});
