import assert from "node:assert/strict";
import { join } from "node:path";
import { image } from "../../provider/image.ts";
import type { Session } from "../../provider/resource-handler.ts";
import { freePorts } from "../integration/free-ports.ts";
import { useImageProject } from "../provider/image-project.ts";

describe("a package cache that does not answer", function () {
  this.timeout(60_000);
  const project = useImageProject("silent-packages");

  it("is a warning, once a run, and stops no build", async () => {
    const [pythonPort = 0, debianPort = 0] = await freePorts(2);
    const packageCache = {
      ...{ pythonPort, debianPort, pythonIndex: "https://pypi.org/simple" },
      wheelLogin: join(project.test.folder, "login"),
    };
    const { base, app } = await project.inputsOf([
      project.definition("base", { packageCache }),
      project.definition("app", { packageCache }),
    ]);
    const warnings: string[] = [];
    const session: Session = {
      ...project.session(),
      log: async (message, options) => void (options?.severity === "warning" && warnings.push(message)),
    };
    await image.create("urn:base", base!, session);
    await image.create("urn:app", app!, session);
    assert.deepEqual(warnings, [
      `without the package cache: nothing answers at 127.0.0.1:${pythonPort} and 127.0.0.1:${debianPort}`,
    ]);
  });
});
