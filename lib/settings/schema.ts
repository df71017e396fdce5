import { z } from "zod";

const wholeNumber = "must be a whole number";
const port = z.int(wholeNumber).min(1, "must be 1–65535").max(65_535, "must be 1–65535");
const text = z.string("must be text").min(1, "must not be empty");
const imageReference = z
  .string("must be an image reference")
  .regex(
    /^[a-z0-9][\w.\-/:]*(@sha256:[0-9a-f]{64})?$/,
    'must be an image reference such as "nvidia/cuda:12.8.1-base-ubuntu22.04"',
  );
const urlWithoutLogin = z
  .url("must be a URL")
  .refine(
    (value) => !URL.canParse(value) || new URL(value).username === "",
    "must hold no login: it would stand in state and images",
  );
const version = (example: string) => z.string(`must be a version in quotes such as "${example}"`);
const argumentName = z.string().regex(/^[A-Za-z_]\w*$/, "must be the name of a build argument");

/** Name of an image in the stack; it becomes part of a reference, so Docker's rule for a path holds. */
const imageName = z
  .string()
  .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, "must be lower case letters and digits, with single . _ - between");

const secretSource = z.union([z.strictObject({ file: text }), z.strictObject({ env: argumentName })], {
  error: 'must be {file: "/path"} or {env: "NAME"}: the value itself never stands in a setting',
});

const smokeTest = z.strictObject({
  /** Command run in the image, without network. */
  command: z.array(z.string("must be text")).min(1, "must name a command"),
  /** Folder that the command finds as /smoke-test, relative to the project's folder. */
  folder: text.optional(),
  timeoutSeconds: z.int(wholeNumber).min(1, "must be at least 1 second").default(600),
});

const service = z.strictObject({
  /** Folder that is sent to the build, relative to the project's folder or absolute. */
  context: text,
  /** Path relative to the context. */
  dockerfile: text.default("Dockerfile"),
  target: text.optional(),
  args: z
    .record(
      argumentName,
      z.union([z.string(), z.number(), z.boolean()], "must be text, a number or true/false"),
    )
    .default({}),
  /** Further folders or images that the Dockerfile names. Same as `docker build --build-context`. */
  contexts: z.record(z.string(), text).default({}),
  secrets: z.record(z.string(), secretSource).default({}),
  network: z.enum(["default", "host", "none"], 'must be "default", "host" or "none"').optional(),
  /** Friendly tags. @default `<name>:cu<CUDA without the dot>` */
  tags: z.array(imageReference).min(1, "must name at least one tag").optional(),
  smokeTest: smokeTest.optional(),
});

/** Every setting of a stack. The table in the README says the same in words; a test compares the two. */
export const schema = z.strictObject({
  /** True only in the stack `sandbox`: engine, upstream and ports come from the private engine of `npm start`. */
  sandbox: z.boolean("must be true or false").default(false),
  engine: z
    .strictObject({
      host: z
        .string("must be text")
        .regex(
          /^unix:\/\/\/.+/,
          'must be a local engine such as "unix:///var/run/docker.sock"; ssh and tcp engines are not managed',
        )
        .default("unix:///var/run/docker.sock"),
      /** Network of RUN steps in every build. Same as `docker build --network`. */
      network: z.enum(["default", "host", "none"], 'must be "default", "host" or "none"').default("default"),
    })
    .prefault({}),
  registryCache: z
    .strictObject({
      mode: z
        .enum(
          ["own", "external"],
          'must be "own" (this stack runs the cache) or "external" (another one does)',
        )
        .default("own"),
      image: imageReference.default("registry:3.1.1"),
      /** Registry to mirror; dockerd mirrors Docker Hub only. */
      upstream: urlWithoutLogin.default("https://registry-1.docker.io"),
      /** Port on 127.0.0.1. */
      port: port.default(5000),
      /** Port on 127.0.0.1 for the registry's metrics; without it none are served. */
      metricsPort: port.optional(),
      // Without a unit the registry reads nanoseconds.
      ttl: z
        .string("must be text")
        .regex(/^\d+[smh]$/, 'must be a duration such as "168h"; "0s" keeps layers forever')
        .default("0s"),
      /** Same as `docker run --memory`, in MiB. */
      memoryMiB: z.int(wholeNumber).min(64, "must be at least 64").optional(),
      /** Keep the cached layers when the stack is destroyed. */
      keepVolume: z.boolean("must be true or false").default(false),
    })
    .prefault({}),
  dockerDaemon: z
    .strictObject({
      manage: z
        .enum(
          ["apply", "print", "off"],
          'must be "apply" (edit daemon.json), "print" (say what to edit) or "off"',
        )
        .default("apply"),
    })
    .prefault({}),
  cudaBase: z
    .strictObject({
      cuda: version("12.8")
        .regex(/^\d+\.\d+$/, 'must be major.minor such as "12.8"')
        .default("12.8"),
      torch: version("2.7.1")
        .regex(/^\d+\.\d+\.\d+$/, 'must be a full version such as "2.7.1"')
        .default("2.7.1"),
      python: version("3.10")
        .regex(/^3\.\d+$/, 'must be major.minor such as "3.10"')
        .default("3.10"),
      image: imageReference.default("nvidia/cuda:12.8.1-base-ubuntu22.04"),
      /** Index that has torch's wheels. @default PyPI, as pip and uv are set up */
      packageIndex: urlWithoutLogin.optional(),
      /** The same for an index that needs a login: its whole URL, as a build secret. */
      packageIndexSecret: secretSource.optional(),
      /** Compute capabilities that extensions are compiled for. Same as TORCH_CUDA_ARCH_LIST. */
      cudaArchitectures: z
        .array(z.string().regex(/^\d+\.\d+(\+PTX)?$/, 'must be a compute capability such as "8.6"'))
        .min(1)
        .default(["8.6", "8.9", "12.0"]),
    })
    .prefault({}),
  services: z.record(imageName, service).default({}),
  build: z
    .strictObject({
      /** Certificates for HTTPS inside builds, as the build secret `ca`. @default the file that SSL_CERT_FILE names */
      caBundle: text.optional(),
      /** Minutes without any sign of progress until a build is stopped. */
      idleMinutes: z.int(wholeNumber).min(1, "must be at least 1 minute").default(30),
    })
    .prefault({}),
  /** Versions of each image that stay for going back. */
  keepVersions: z.int(wholeNumber).min(1, "must be at least 1").max(50, "must be at most 50").default(3),
  /** Ending of every friendly tag, so that two stacks of one CUDA version share an engine. */
  variant: z
    .string("must be text")
    .regex(/^[a-z0-9][a-z0-9_.-]{0,30}$/, "must be lower case letters, digits and . _ -")
    .optional(),
  /** Let friendly tags move off images that this program did not build; they are given back on destroy. */
  adoptTags: z.boolean("must be true or false").default(false),
  /**
   * Folder for build history and ledgers; stacks of one engine must share it.
   * @default /var/lib/gpu-build-host for root, else ~/.local/share/gpu-build-host
   */
  stateDir: z.string("must be text").startsWith("/", "must be an absolute path").optional(),
  /** Counters of forced rebuilds, by image; `npm run rebuild` writes them. */
  rebuilds: z
    .record(
      imageName,
      z.strictObject({ count: z.int(wholeNumber).min(1), noCache: z.boolean().default(false) }),
    )
    .default({}),
});

/** What the settings files may say. */
export type RawSettings = z.infer<typeof schema>;
