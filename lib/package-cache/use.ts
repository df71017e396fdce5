import { join } from "node:path";
import { isProxied } from "../proxy/proxy.ts";
import type { Settings } from "../settings/settings.ts";

/** What a build needs to know of the package cache. It may stand in state: it holds no login. */
export interface PackageCacheUse {
  pythonPort: number;
  debianPort: number;
  /** Index that the cache stands for; undefined where it cannot reach one. */
  pythonIndex?: string;
  /** Index of torch's wheels, where that is another one. */
  torchIndex?: string;
  /** File with the login of the wheel store. */
  wheelLogin: string;
}

/** How this stack's builds use a package cache; undefined where there is none. */
export function packageCacheUse(settings: Settings): PackageCacheUse | undefined {
  const { mode, pythonPort, debianPort, pythonIndex } = settings.packageCache;
  if (mode === "off") return undefined;
  const { packageIndex, packageIndexSecret } = settings.cudaBase;
  // nginx knows no way through a proxy, whoever runs it. What needs a login is kept for nobody.
  const reaches = (index: string) => !isProxied(new URL(index), settings.proxy);
  return {
    pythonPort,
    debianPort,
    ...(reaches(pythonIndex) && { pythonIndex }),
    ...(packageIndex && !packageIndexSecret && reaches(packageIndex) && { torchIndex: packageIndex }),
    wheelLogin: wheelLoginFile(settings),
  };
}

/** File with the login of the wheel store: by its port, so that the stacks of a host share it with the store. */
export function wheelLoginFile({ stateDir, packageCache }: Settings): string {
  return join(stateDir, "package-cache", `store-${packageCache.pythonPort}`, "login");
}
