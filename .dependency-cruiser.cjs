/** The house's arrows: index.ts → components → provider → lib, cli → bench → sandbox → lib. */
const only = (from, ...to) => ({
  name: `${from}-imports-only-${to.join("-") || "itself"}`,
  severity: "error",
  from: { path: `^${from}/` },
  to: {
    path: "^(index\\.ts|components|provider|lib|cli|sandbox|bench|tests)",
    pathNot: `^(${[from, ...to].join("|")})/`,
  },
});

module.exports = {
  forbidden: [
    only("lib"),
    only("sandbox", "lib"),
    only("provider", "lib"),
    only("components", "provider", "lib"),
    only("cli", "sandbox", "lib", "bench"),
    // bench/preview and bench/scale measure over a project of the tests.
    { ...only("bench", "sandbox", "lib"), from: { path: "^bench/", pathNot: "^bench/(preview|scale)/" } },
    { name: "no-pulumi-in-lib", severity: "error", from: { path: "^lib/" }, to: { path: "@pulumi/" } },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-siblings-of-components",
      severity: "error",
      comment: "What a component needs comes in as an argument.",
      from: { path: "^components/(docker-daemon|registry-cache|cuda-base|service-image)\\.ts" },
      to: { path: "^components/(docker-daemon|registry-cache|cuda-base|service-image)\\.ts" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
