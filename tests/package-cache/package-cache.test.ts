import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findUv } from "../../lib/locks/uv.ts";
import { userCache } from "../../sandbox/user-cache.ts";
import { Project, type Summary } from "../integration/project.ts";
import { startTestProxy, type TestProxy } from "../proxy/test-proxy.ts";
import { untilTrue } from "./until-true.ts";
import { pagesAreOldMs, RunningCaches } from "./running-caches.ts";
import { fetchWheel, serveIndex, type SmallIndex } from "./small-index.ts";
import { describeFaults, filesToCut } from "./upstream-faults.ts";
import { describeWheelStore } from "./wheel-store.ts";

const repository = join(import.meta.dirname, "..", "..");
const megabytes = 1e6;
/** What the proxy asks for, as a URL has it: the password is `pr@xy w%rd`. */
const login = "me:pr%40xy%20w%25rd";

/**
 * A stack with its own package cache: a real nginx before an index that counts, a real Squid before Debian's archive behind a
 * proxy that counts.
 */
describe("the package cache", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let index: SmallIndex;
  let outside: TestProxy;
  let first: Summary;
  let wheel: string;

  before(async () => {
    const six = await fetchWheel("six", "1.17.0");
    const big = Object.fromEntries(
      ["whl", "deb"].flatMap((ending) =>
        [1, 2, 3, 4, 5, 6].map((number) => [`big-${number}.${ending}`, Buffer.alloc(3 * megabytes, number)]),
      ),
    );
    index = await serveIndex({ [six.file]: six.content, ...big, ...filesToCut });
    outside = await startTestProxy({
      outward: true,
      hosts: { "debian.test": index.port },
      login: decodeURIComponent(login),
    });
    project = new Project();
    project.env["TEST_PROXY"] = `http://${login}@127.0.0.1:${outside.port}`;
    configure("own");
    project.write("cuda-base/Dockerfile.runtime", runtime);
    project.write("cuda-base/Dockerfile.devel", devel);
    project.write("cuda-base/smoke-test/check.py", "open('/base')\n");
    copyFileSync(join(repository, "cuda-base/kept-wheel"), join(project.root, "cuda-base/kept-wheel"));
    project.write("services/web/Dockerfile", web);
    project.write("services/web/native/source.c", "int one;\n");
    copyFileSync(await findUv(userCache()), join(project.root, "services/web/uv"));
  });
  after(async () => {
    await project?.remove();
    await index?.stop();
    await outside?.stop();
  });

  function configure(mode: string): void {
    project.configure("sandbox", {
      sandbox: true,
      cudaBase: { cuda: "12.6", image: "nvidia/cuda:12.6.3-base-ubuntu22.04" },
      packageCache: { mode, pythonIndex: index.url },
      proxy: { http: { env: "TEST_PROXY" } },
      services: { web: { context: "services/web" } },
    });
  }

  const fromOutside = () => ({ index: index.sent, debian: { ...outside.received } });
  const builtWheel = () =>
    project.docker("run", "--rm", "--network", "none", "web:cu126", "cat", "/wheels/own-1-py3-none-any.whl");
  const reference = (summary: Summary, name: string) =>
    summary.images.find((image) => image.name === name)!.reference;

  it("is there before the bases are built, and these fetch through it", async () => {
    first = await project.start();
    assert.deepEqual(first.images.map(({ name, result }) => `${name} ${result}`).sort(), [
      "cuda-base-devel built",
      "cuda-base-runtime built",
      "package-cache built",
      "web built",
    ]);
    assert.ok(index.requests.includes("/simple/six/"), index.requests.join(" "));
    // What the base installs, fetched by Squid: through the proxy, with its login.
    assert.ok(
      outside.requests.some((request) => /^GET http:.*\/libpython3-stdlib_.*\.deb$/.test(request)),
      outside.requests.join(" "),
    );
    wheel = await builtWheel();
  });

  it("gives everything again when images and build cache are lost: nothing comes from outside, no wheel is compiled", async () => {
    const before = fromOutside();
    const images = ["web", "cuda-base-devel", "cuda-base-runtime"].flatMap((name) => {
      const { tags, reference } = first.images.find((image) => image.name === name)!;
      return [...tags, reference];
    });
    await project.docker("image", "rm", "--force", ...images);
    await project.docker("builder", "prune", "--all", "--force");
    const { images: again } = await project.start();
    assert.deepEqual(again.map(({ name, result }) => `${name} ${result}`).sort(), [
      "cuda-base-devel built",
      "cuda-base-runtime built",
      "package-cache unchanged",
      "web built",
    ]);
    assert.deepEqual(fromOutside(), before);
    assert.equal(await builtWheel(), wheel);
  });

  it("is in no layer, no history and no cache key: the same build without it comes from the build cache", async () => {
    const image = reference(first, "web");
    const said =
      (await project.docker("image", "inspect", image)) +
      (await project.docker("history", "--no-trunc", image));
    assert.doesNotMatch(said, new RegExp(`127\\.0\\.0\\.1:|${index.port}|wheel-store=|builds:`));
    const build = [
      "buildx",
      "build",
      "--builder",
      "default",
      "--network",
      "host",
      "--progress",
      "plain",
      "--provenance=false",
    ];
    for (const name of ["runtime", "devel"])
      build.push(
        "--build-context",
        `cuda-base:${name}-12.6=docker-image://${reference(first, `cuda-base-${name}`)}`,
      );
    const { output, exitCode } = await project.exec(
      "docker",
      [...build, "--tag", "localhost:1/by-hand:1", join(project.root, "services/web")],
      await project.variables(),
    );
    assert.equal(exitCode, 0, output);
    const steps = [...output.matchAll(/^#(\d+) \[[^\]]*\d\/\d\] (?:RUN|COPY)/gm)].map(([, number]) => number);
    const cached = [...output.matchAll(/^#(\d+) CACHED/gm)].map(([, number]) => number);
    assert.ok(steps.length >= 3, output);
    assert.deepEqual(
      steps.filter((step) => !cached.includes(step)),
      [],
      output,
    );
    const layers = (name: string) =>
      project.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", name);
    assert.equal(await layers("localhost:1/by-hand:1"), await layers(image));
  });

  it("takes no image along where it is turned off", async () => {
    configure("off");
    const changed = (await project.preview()).map(({ op, name }) => `${op} ${name}`);
    configure("own");
    assert.ok(changed.includes("delete package-cache-python"), changed.join());
    assert.deepEqual(
      changed.filter((line) => !/^delete package-cache/.test(line)),
      [],
    );
  });

  describe("its two programs", () => {
    let caches: RunningCaches;
    before(async () => {
      caches = await RunningCaches.start(project, reference(first, "package-cache"), index, {
        ...outside,
        login,
      });
    });
    after(() => caches?.stop());

    it("keep to their sizes", async () => {
      for (const number of [1, 2, 3, 4, 5, 6]) {
        assert.equal(await caches.fetchPython(`/files/big-${number}.whl`), 3 * megabytes);
        assert.equal(await caches.fetchDebian(`http://debian.test/files/big-${number}.deb`), 3 * megabytes);
      }
      await untilTrue(30, async () => (await caches.bytes("python")) < 10.5 * megabytes);
      await untilTrue(30, async () => (await caches.bytes("debian")) < 10.5 * megabytes);
      assert.ok((await caches.bytes("python")) > 2 * megabytes);
      assert.ok((await caches.bytes("debian")) > 2 * megabytes);
    });

    it("ask by https with the company's certificates, and lead every link through the cache", async () => {
      const page = await caches.text("/https/pypi.org/simple/six/");
      const link = /href="([^"]+six-1\.17\.0[^"]+\.whl)/.exec(page)?.[1] ?? page.slice(0, 200);
      assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/https\/files\.pythonhosted\.org\//);
      assert.doesNotMatch(page, /https:\/\//);
      assert.ok((await caches.fetchPython(new URL(link).pathname)) > 10_000);
    });

    it("ask for a page again when it is old, and for a file never", async () => {
      const asked = (path: string) => index.requests.filter((request) => request === path).length;
      const page = `/http/127.0.0.1:${index.port}/simple/six/`;
      await caches.text(page);
      await caches.fetchPython("/files/big-6.whl");
      await caches.fetchDebian("http://debian.test/files/big-6.deb");
      const before = ["/simple/six/", "/files/big-6.whl", "/files/big-6.deb"].map(asked);
      await new Promise((resolve) => setTimeout(resolve, pagesAreOldMs));
      await caches.text(page);
      await caches.fetchPython("/files/big-6.whl");
      await caches.fetchDebian("http://debian.test/files/big-6.deb");
      const [pages = 0, ...files] = before;
      assert.deepEqual(["/simple/six/", "/files/big-6.whl", "/files/big-6.deb"].map(asked), [
        pages + 1,
        ...files,
      ]);
    });

    it("take the port of an index as pip writes it", async () => {
      await caches.fetchPython("/files/big-6.whl");
      const asked = index.requests.length;
      assert.equal(await caches.status(`/http/127.0.0.1%3A${index.port}/files/big-6.whl`), 200);
      assert.equal(index.requests.length, asked, "it is the same file");
      assert.equal(await caches.status(`/http/127.0.0.1%3A${index.port + 1}/simple/six/`), 403);
    });

    it("let nobody write wheels without the login, and lead to no server of this machine", async () => {
      assert.equal(await caches.put("/wheels/a/b.whl"), 401);
      assert.equal(await caches.put("/wheels/a/b.whl", caches.login), 201);
      assert.equal(await caches.status(`/http/127.0.0.1:${index.port + 1}/simple/six/`), 403);
      assert.equal(await caches.debianStatus(`http://127.0.0.1:${index.port}/simple/six/`), 403);
    });

    describeWheelStore(() => caches);
    describeFaults(() => ({ caches, index }));

    describe("where nothing answers any more", () => {
      it("go on with what they have where no name is found", async () => {
        const page = await caches.text("/https/pypi.org/simple/six/");
        await caches.loseNames();
        await new Promise((resolve) => setTimeout(resolve, pagesAreOldMs));
        assert.equal(await caches.text("/https/pypi.org/simple/six/"), page);
        assert.equal(await caches.status("/https/pypi.org/simple/other/"), 502);
      });

      it("go on with what they have where the upstream is away", async () => {
        const page = await caches.text(`/http/127.0.0.1:${index.port}/simple/six/`);
        assert.equal(await caches.debianStatus("http://debian.test/simple/six/dists/InRelease"), 200);
        await Promise.all([index.stop(), outside.stop()]);
        await new Promise((resolve) => setTimeout(resolve, pagesAreOldMs));
        assert.equal(await caches.text(`/http/127.0.0.1:${index.port}/simple/six/`), page);
        assert.equal(await caches.debianStatus("http://debian.test/simple/six/dists/InRelease"), 200);
        assert.equal(await caches.status(`/http/127.0.0.1:${index.port}/simple/other/`), 502);
      });
    });
  });

  describe("at the end", () => {
    it("is looked at by the doctor, and taken away by destroy", async () => {
      const doctor = await project.run("doctor", "--only", "packages", "--json");
      const { checks } = JSON.parse(doctor.stdout) as { checks: { id: string; status: string }[] };
      assert.deepEqual(
        checks.map(({ id, status }) => `${id} ${status}`),
        ["packages.port OK", "packages.volume OK", "packages.running OK"],
      );
      const login = await project.docker(
        "inspect",
        "--format",
        '{{range .Mounts}}{{if eq .Destination "/run/wheel-store-login"}}{{.Source}}{{end}}{{end}}',
        "gpu-build-host-sandbox-package-cache-python",
      );
      assert.match(readFileSync(login, "utf8"), /^builds:\{PLAIN\}[0-9a-f]{32}\n$/);
      assert.equal((await project.run("destroy")).exitCode, 0);
      assert.ok(!existsSync(login));
    });
  });
});

const runtime = `ARG CUDA_BASE
FROM \${CUDA_BASE}
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-minimal libpython3-stdlib && touch /base
`;
const devel = `ARG CUDA
FROM cuda-base:runtime-\${CUDA}
COPY --chmod=755 kept-wheel /usr/local/bin/
`;
// The wheel is another each time that it is "compiled".
const web = `FROM cuda-base:devel-12.6 AS wheels
RUN --mount=type=secret,id=wheel-store --mount=type=bind,source=native,target=/native \\
    kept-wheel own==1 --input /native -- sh -c 'date +%s%N > /wheels/own-1-py3-none-any.whl'
FROM cuda-base:runtime-12.6
RUN --mount=type=secret,id=python-index --mount=type=bind,source=uv,target=/uv \\
    if [ -s /run/secrets/python-index ]; then export UV_DEFAULT_INDEX=$(cat /run/secrets/python-index); fi && \\
    /uv pip install --system --break-system-packages --no-cache six==1.17.0
COPY --from=wheels /wheels /wheels
`;
