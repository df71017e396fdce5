import { badDaemonSettings } from "./bad-daemon-settings.ts";

import { badCaches } from "./bad-caches.ts";

/** A wrong setting and the one line that a person reads; or where else it is tested; or why there is no such setting. */
export type BadSetting = { id: string; what: string } & (
  { values: Record<string, unknown>; lines: string[] } | { testedBy: string } | { noSuchSetting: string }
);

const services = (service: Record<string, unknown>) => ({ services: { x: { context: "x", ...service } } });
const noContainers = "services are images here; compose runs them (services/compose.yaml)";
const noHosts = "only engines of this machine are managed";

/** The 65 bad inputs that the design lists, by its numbers. */
export const badSettings: BadSetting[] = [
  ...badDaemonSettings,
  ...badCaches,
  {
    id: "B1",
    what: "text for a section",
    values: { registryCache: "yes" },
    lines: ['gpu-build-host:registryCache must be a group of settings, got "yes"'],
  },
  {
    id: "B2",
    what: "a port in quotes",
    values: { registryCache: { port: "5999" } },
    lines: [
      'gpu-build-host:registryCache.port must be a whole number, got "5999" in quotes: write it without them',
    ],
  },
  {
    id: "B3",
    what: "port 0",
    values: { registryCache: { port: 0 } },
    lines: ["gpu-build-host:registryCache.port must be 1–65535, got 0"],
  },
  {
    id: "B4",
    what: "port 70000",
    values: { registryCache: { port: 70_000 } },
    lines: ["gpu-build-host:registryCache.port must be 1–65535, got 70000"],
  },
  {
    id: "B5",
    what: "a port with a fraction",
    values: { registryCache: { port: 5999.5 } },
    lines: ["gpu-build-host:registryCache.port must be a whole number, got 5999.5"],
  },
  {
    id: "B6",
    what: "a negative port",
    values: { registryCache: { port: -1 } },
    lines: ["gpu-build-host:registryCache.port must be 1–65535, got -1"],
  },
  { id: "B8", what: "two services on one port", noSuchSetting: noContainers },
  { id: "B9", what: "a service on the cache's port", noSuchSetting: noContainers },
  {
    id: "B27",
    what: "a CUDA version as a number",
    values: { cudaBase: { cuda: 12.1 } },
    lines: [
      'gpu-build-host:cudaBase.cuda must be a version in quotes such as "12.8": without them YAML drops digits, got 12.1',
    ],
  },
  {
    id: "B28",
    what: "half a CUDA version",
    values: { cudaBase: { cuda: "12" } },
    lines: ['gpu-build-host:cudaBase.cuda must be major.minor such as "12.8", got "12"'],
  },
  { id: "B29", what: "an unknown CUDA version", testedBy: "names the locks that there are where none fits" },
  {
    id: "B30",
    what: "a driver that is too old for CUDA",
    testedBy: "stops for a driver that is too old for cudaBase.cuda",
  },
  {
    id: "B31",
    what: "a base image by `latest`, or by no tag at all",
    values: { cudaBase: { image: "nvidia/cuda:latest" }, registryCache: { image: "registry" } },
    lines: [
      'gpu-build-host:registryCache.image must name a tag or digest such as "registry:3.1.1", got "registry"',
      'gpu-build-host:cudaBase.image must name a version: "latest" is another image every week, got "nvidia/cuda:latest"',
    ],
  },
  {
    id: "B32",
    what: "a digest of 63 digits",
    values: { cudaBase: { image: `nvidia/cuda@sha256:${"a".repeat(63)}` } },
    lines: [
      'gpu-build-host:cudaBase.image must end in a digest of sha256: and 64 hexadecimal digits, got "nvidia/cuda@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…',
    ],
  },
  {
    id: "B33",
    what: "capital letters in a repository's name",
    values: services({ tags: ["MyOrg/app:1"] }),
    lines: [
      'gpu-build-host:services.x.tags[0] must be lower case: Docker refuses capital letters in a repository\'s name, got "MyOrg/app:1"',
    ],
  },
  {
    id: "B34",
    what: "a list of services",
    values: { services: [] },
    lines: ["gpu-build-host:services must be a map of names to values, got an empty list"],
  },
  {
    id: "B35",
    what: "a service's name with blanks",
    values: { services: { "My Service!": { context: "x" } } },
    lines: [
      'gpu-build-host:services["My Service!"] must be lower case letters and digits, with single . _ - between',
    ],
  },
  {
    id: "B36",
    what: "names that differ in case only",
    values: { services: { App: { context: "x" }, app: { context: "x" } } },
    lines: ["gpu-build-host:services.App must be lower case letters and digits, with single . _ - between"],
  },
  {
    id: "B37",
    what: "a misspelt section",
    values: { chache: {} },
    lines: ['gpu-build-host:chache is not a setting; did you mean "registryCache"?'],
  },
  {
    id: "B38",
    what: "a setting that is missing",
    values: { services: { x: {} } },
    lines: ["gpu-build-host:services.x.context is required: it must be text"],
  },
  {
    id: "B43",
    what: "a variable's name with a dash",
    values: services({ args: { "FOO-BAR": "1", "1X": "1" } }),
    lines: [
      "gpu-build-host:services.x.args.FOO-BAR must be the name of a build argument",
      'gpu-build-host:services.x.args["1X"] must be the name of a build argument',
    ],
  },
  {
    id: "B44",
    what: "a token as a build argument, without showing it",
    values: services({ args: { HF_TOKEN: "hf_123" } }),
    lines: [
      'gpu-build-host:services.x.args.HF_TOKEN looks like a secret, and build arguments stay in the image\'s history (value not shown); use services.x.secrets with {env: "HF_TOKEN"}',
    ],
  },
  {
    id: "B45",
    what: "a list as a variable's value",
    values: services({ args: { DEBUG: [true] } }),
    lines: ["gpu-build-host:services.x.args.DEBUG must be text, a number or true/false, got a list"],
  },
  { id: "B46", what: "mounting /", noSuchSetting: noContainers },
  { id: "B47", what: "mounting Docker's socket", noSuchSetting: noContainers },
  { id: "B48", what: "a relative path of a volume", noSuchSetting: noContainers },
  { id: "B49", what: "`..` in a path of a volume", noSuchSetting: noContainers },
  { id: "B50", what: "nested volumes", noSuchSetting: noContainers },
  {
    id: "B51",
    what: "memory in words",
    values: { registryCache: { memoryMiB: "8 gigs" } },
    lines: ['gpu-build-host:registryCache.memoryMiB must be a whole number, got "8 gigs"'],
  },
  {
    id: "B52",
    what: "too little memory",
    values: { registryCache: { memoryMiB: 4 } },
    lines: ["gpu-build-host:registryCache.memoryMiB must be at least 64, got 4"],
  },
  { id: "B53", what: "a GPU listed twice", noSuchSetting: noContainers },
  { id: "B54", what: "a GPU that is not there", noSuchSetting: noContainers },
  {
    id: "B55",
    what: "images that stand on each other in a circle",
    testedBy: "names a circle of images once",
  },
  { id: "B56", what: "a restart policy that Docker does not know", noSuchSetting: noContainers },
  {
    id: "B57",
    what: "a section that is null",
    values: { registryCache: null },
    lines: [
      "gpu-build-host:registryCache is null: remove the key, or give it a value; it must be a group of settings",
    ],
  },
  {
    id: "B58",
    what: "not a number, and beyond all numbers",
    values: { registryCache: { port: Number.NaN }, keepVersions: Number.POSITIVE_INFINITY },
    lines: [
      "gpu-build-host:registryCache.port must be a whole number, got NaN",
      "gpu-build-host:keepVersions must be a whole number, got Infinity",
    ],
  },
  {
    id: "B58",
    what: "a text of a megabyte, and a thousand levels",
    values: { variant: "x".repeat(1e6), services: { x: nested(1000) } },
    lines: [
      "gpu-build-host:variant is too long: 1000000 characters, at most 65536",
      "gpu-build-host:services.x.a is nested too deep: more than 32 levels",
    ],
  },
  {
    id: "B59",
    what: "names that every JavaScript object has",
    values: JSON.parse('{"__proto__": {"x": 1}, "services": {"constructor": {"context": "x"}}}') as Record<
      string,
      unknown
    >,
    lines: [
      "gpu-build-host:services.constructor: this name is not allowed",
      "gpu-build-host:__proto__: this name is not allowed",
    ],
  },
  {
    id: "B60",
    what: "letters that only look like a–z, and letters of no width",
    values: { services: { сache: { context: "x" }, "a\u200bb": { context: "x" } } },
    lines: [
      'gpu-build-host:services["сache"] must be lower case letters and digits, with single . _ - between; it contains the character U+0441, write plain a–z',
      'gpu-build-host:services["a\u200bb"] must be lower case letters and digits, with single . _ - between; it contains the character U+200B, write plain a–z',
    ],
  },
  { id: "B62", what: "a host without its key", noSuchSetting: noHosts },
  { id: "B63", what: "an unknown way to a host", noSuchSetting: noHosts },
  { id: "B64", what: "two hosts that are one", noSuchSetting: noHosts },
  {
    id: "B65",
    what: "a stack file that is not YAML",
    testedBy: "names file and line of a stack file that is no YAML",
  },
];

function nested(levels: number): Record<string, unknown> {
  let value: Record<string, unknown> = {};
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
}
