import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { makeReport } from "../../lib/report/make-report.ts";
import { reportPage } from "../../lib/report/page/page.ts";
import { debianChromium } from "./chromium.ts";
import { madeFacts } from "./made-facts.ts";

/** A made-up stack, shown by a real browser: Debian's Chromium. `GBH_SHOTS=folder` keeps pictures to look at. */
describe("the report's page in a browser", function () {
  this.timeout(300_000); // a fresh machine fetches the browser first
  const report = makeReport(madeFacts());
  const folder = mkdtempSync(join(tmpdir(), "gbh-page-"));
  const file = join(folder, "report.html");
  let browser: Browser;

  before(async () => {
    const { executablePath, env } = await debianChromium();
    writeFileSync(file, await reportPage(report));
    browser = await chromium.launch({
      executablePath,
      env: { ...(process.env as Record<string, string>), ...env },
      args: ["--no-sandbox"], // tests run as root
    });
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens the page, does something with it, and refuses errors and requests. */
  async function open(
    look: { colorScheme: "light" | "dark"; width: number },
    work: (page: Page) => Promise<void>,
  ): Promise<void> {
    const context = await browser.newContext({
      colorScheme: look.colorScheme,
      viewport: { width: look.width, height: 900 },
      offline: true,
    });
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on("pageerror", ({ message }) => wrong.push(message));
    page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
    page.on("request", (request) => /^(file|data):/.test(request.url()) || wrong.push(request.url()));
    try {
      await page.goto(pathToFileURL(file).href);
      await work(page);
      const shots = process.env["GBH_SHOTS"];
      if (shots)
        await page.screenshot({
          path: join(shots, `report-${look.colorScheme}-${look.width}.png`),
          fullPage: true,
        });
    } finally {
      await context.close();
    }
    assert.deepEqual(wrong, []);
  }

  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [1200, 360])
      it(`draws every chart in ${colorScheme}, ${width} pixels wide, and nothing is wider than the page`, () =>
        open({ colorScheme, width }, async (page) => {
          for (const id of ["timeline", "history", "graph"]) {
            const box = await page.locator(`#${id}-chart svg`).boundingBox();
            assert.ok(box && box.width > width / 2 && box.height > 60, `${id}: ${JSON.stringify(box)}`);
          }
          await allSeriesAreDrawn(page);
          assert.ok((await page.evaluate<number>("document.documentElement.scrollWidth")) <= width);
          assert.deepEqual(await faintTexts(page), []);
        }));

  /** Counts the shapes that have a series' colour: axes, lines of a grid and texts have other ones. */
  async function allSeriesAreDrawn(page: Page): Promise<void> {
    const color = await page.evaluate<Record<string, string>>(`(() => {
      const style = getComputedStyle(document.documentElement);
      const names = ["muted", "step", "cached", "pull", "export", "context", "smoke", "build", "failed", "c1", "c2", "c3", "c4"];
      return Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    })()`);
    const built = report.runs.filter(({ images }) => images.some(({ result }) => result === "built"));

    const spans = built.at(-1)!.images.flatMap((image) => image.spans);
    const bars = await shapesOf(page, "timeline");
    for (const fill of new Set(spans.map(({ kind }) => color[kind]!)))
      assert.equal(
        bars.filter((shape) => shape.fill === fill).length,
        spans.filter(({ kind }) => color[kind] === fill).length,
        `spans in ${fill}`,
      );

    const builds = built.flatMap(({ images }) => images.filter(({ result }) => result === "built"));
    const secondsOf = (image: string): number =>
      builds.reduce((sum, one) => sum + (one.image === image ? one.buildSeconds : 0), 0);
    const names = [...new Set(builds.map(({ image }) => image))].sort((a, b) => secondsOf(b) - secondsOf(a));
    assert.equal(names.length, 4);
    const marks = await shapesOf(page, "history");
    for (const [index, name] of names.entries()) {
      const own = color[`c${index + 1}`]!;
      const filled = marks.filter(({ fill, height }) => fill === own && height > 0);
      const count = builds.filter(({ image }) => image === name).length;
      assert.equal(filled.filter(({ isRound }) => !isRound).length, count, `${name}: bars`);
      // One is the legend's; where they would touch, only some of a line's points are drawn.
      const points = filled.filter(({ isRound }) => isRound).length - 1;
      assert.ok(points >= 2 && points <= count, `${name}: ${points} points of ${count}`);
      assert.equal(marks.filter(({ stroke }) => stroke === own).length, 1, `${name}: line`);
    }

    const parts = await shapesOf(page, "graph");
    const edges = report.images.flatMap(({ parents, externals }) => [...parents, ...externals]);
    const externals = new Set(report.images.flatMap((image) => image.externals));
    const ringed = parts.filter(({ stroke }) => stroke === color["muted"]);
    assert.equal(parts.filter(({ fill }) => fill === color["step"]).length, report.images.length);
    assert.equal(ringed.filter(({ fill }) => fill !== "none").length, externals.size);
    assert.equal(ringed.filter(({ fill }) => fill === "none").length, edges.length);
  }

  it("shows another run when one is chosen by keyboard, in chart and tables", () =>
    open({ colorScheme: "light", width: 1200 }, async (page) => {
      const bars = () => page.locator("#timeline-chart svg path").count();
      const before = await bars();
      await page.locator("#run").focus();
      await page.keyboard.press("End");
      assert.equal(await page.locator("#run-images tbody tr").count(), 4);
      assert.ok((await bars()) > before);
      assert.match(await page.locator("#run-words").innerText(), /in all; .* side by side/);
    }));

  it("is reached by keyboard: skip link, sections, run, every table and group of layers", () =>
    open({ colorScheme: "light", width: 1200 }, async (page) => {
      const seen: string[] = [];
      for (let presses = 0; presses < 60; presses++) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate<string>(
          "document.activeElement.id || document.activeElement.innerText.trim()",
        );
        if (focused !== "") seen.push(focused);
      }
      for (const wanted of ["To the content", "Timeline", "run", "As a table", "In words"])
        assert.ok(seen.includes(wanted), `${wanted} of ${seen.join(" | ")}`);
      assert.ok(seen.some((text) => text.includes("cuda-base-devel")));
      await page.locator("#layers summary").first().focus();
      await page.keyboard.press("Enter");
      assert.match(
        await page.locator("#layers table").first().innerText(),
        /2\.5 GB\s+RUN \/installer\/add-packages \/run\/torch\.lock/,
      );
    }));

  it("takes other colours when the reader's system turns dark", () =>
    open({ colorScheme: "light", width: 1200 }, async (page) => {
      const colors = () =>
        page
          .locator("#timeline-chart svg path")
          .evaluateAll((paths) => paths.map((path) => path.getAttribute("fill")));
      const light = await colors();
      await page.emulateMedia({ colorScheme: "dark" });
      const bar = light.find((fill) => fill?.startsWith("#"));
      assert.ok(bar, light.join());
      await page.waitForFunction(
        (before) => {
          const paths = [...document.querySelectorAll("#timeline-chart svg path")];
          return paths.length > 0 && paths.every((path) => path.getAttribute("fill") !== before);
        },
        bar,
        { timeout: 20_000 },
      );
      assert.equal((await colors()).length, light.length);
    }));

  it("has the data that --json prints", () =>
    open({ colorScheme: "light", width: 1200 }, async (page) => {
      const data = await page.locator("#data").evaluate((element) => element.textContent);
      assert.deepEqual(JSON.parse(data), JSON.parse(JSON.stringify(report)));
    }));

  it("shows a stack of a hundred images, and one without engine of which no build ever went well", async () => {
    const { engine: _, ...facts } = madeFacts();
    const { events } = facts.history;
    const many = Array.from({ length: 100 }, (_, index) => ({
      ...events[4]!,
      ...{ run: "many", image: `service-${index}`, parts: { "parent cuda-base-runtime": "r" } },
    }));
    const declared = many.map(({ image }) => ({ name: image, tags: [`${image}:cu128`] }));
    const hundred = {
      ...facts,
      declared: [...facts.declared, ...declared],
      history: { ...facts.history, events: [...events, ...many] },
    };
    const failed = events.map((event) => ({ ...event, result: "failed" as const, error: "exit code: 1" }));
    const none = { ...facts, history: { events: failed, runs: [], unreadable: [] } };
    for (const [shown, rows] of [
      [hundred, 100],
      [none, 2],
    ] as const) {
      writeFileSync(file, await reportPage(makeReport(shown)));
      await open({ colorScheme: "light", width: 360 }, async (page) => {
        assert.equal(await page.locator("#run-images tbody tr").count(), rows);
        assert.ok((await page.evaluate<number>("document.documentElement.scrollWidth")) <= 360);
      });
    }
  });
});

interface Shape {
  fill: string | null;
  stroke: string | null;
  /** Pixels. */
  height: number;
  /** As high as it is wide: a point of a line, a mark of a legend. */
  isRound: boolean;
}

/** What a chart is drawn with. */
function shapesOf(page: Page, id: string): Promise<Shape[]> {
  return page.locator(`#${id}-chart svg`).evaluate((svg) => {
    return [...svg.querySelectorAll("path")].map((path) => {
      const { width, height } = path.getBoundingClientRect();
      return {
        fill: path.getAttribute("fill"),
        stroke: path.getAttribute("stroke"),
        height,
        isRound: Math.abs(width - height) < 0.1,
      };
    });
  });
}

/** Texts whose contrast with what lies behind them is below 4.5 to 1, as WCAG's level AA wants it. */
function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const channels = (color) => color.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = channels(getComputedStyle(at).backgroundColor);
        if (color.length < 4 || color[3] > 0) return color;
      }
      return [255, 255, 255];
    };
    return [...document.querySelectorAll("p, dt, dd, th, td, li, a, summary, small, code, h1, h2, h3, figcaption span")]
      .filter((element) => element.innerText?.trim() && element.getClientRects().length > 0)
      .filter((element) => {
        const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05) < 4.5;
      })
      .map((element) => element.innerText.slice(0, 60));
  })()`);
}
