import assert from "node:assert/strict";
import { buildCacheOf, cacheOptions, cacheReference, type BuildCache } from "../../lib/images/build-cache.ts";
import { devSettings } from "./dev-settings.ts";
