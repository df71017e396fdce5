/** What happens to a host, and what is timed then. Each starts where the one before it in this list has ended. */
export interface Scenario {
  id: string;
  /** Row of the tables. */
  title: string;
  /** What is timed, in a sentence. */
  what: string;
  /** Played on slower lines, too: much is fetched, so that a fast line hides what people feel. */
  onSlowLines: boolean;
}

/** In the order in which they run: later ones need what earlier ones have built. */
export const scenarios = [
  {
    id: "first-build",
    title: "first build",
    what: "an engine that has nothing, until all images are there; a registry cache is set up on the way where the way has one",
    onSlowLines: true,
  },
  { id: "nothing-changed", title: "nothing changed", what: "the same command once more", onSlowLines: false },
  {
    id: "code-late",
    title: "code change, COPY late",
    what: "a line of whisperx's code, which the Dockerfile copies last",
    onSlowLines: false,
  },
  {
    id: "code-early",
    title: "code change, COPY early",
    what: "the same, with a Dockerfile that copies the code before it installs packages",
    onSlowLines: false,
  },
  {
    id: "dependency-change",
    title: "dependency change",
    what: "one small package more in whisperx's lock",
    onSlowLines: true,
  },
  {
    id: "one-more-service",
    title: "one more service",
    what: "a third service with a package of its own",
    onSlowLines: true,
  },
  {
    id: "images-lost",
    title: "images lost",
    what: "every image removed (docker image prune --all); build cache and volumes are still there",
    onSlowLines: false,
  },
  {
    id: "all-lost",
    title: "all lost but the caches",
    what: "containers, images, build cache and cache mounts removed; volumes are still there",
    onSlowLines: true,
  },
  {
    id: "torch-change",
    title: "torch change",
    what: "another torch and CUDA version in place of the first, for the bases and all services",
    onSlowLines: false,
  },
  {
    id: "second-stack",
    title: "second CUDA stack",
    what: "a further CUDA version beside the first, then the names without a version moved to it",
    onSlowLines: false,
  },
  {
    id: "refused-upgrade",
    title: "upgrade that cannot work",
    what: "CUDA 13.0 on a host whose driver is 470: until it is refused, or until it is built all the same",
    onSlowLines: false,
  },
] as const satisfies readonly Scenario[];

export type ScenarioId = (typeof scenarios)[number]["id"];
