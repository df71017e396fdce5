import assert from "node:assert/strict";
import {
  compareVersions,
  comparePackageVersions,
  cudaOfIndex,
  isInRange,
  nearestVersion,
} from "../../lib/cuda/versions.ts";

describe("Versions", () => {
  it("compares drivers and CUDA versions number by number", () => {
    assert.ok(compareVersions("570.26", "570.124.06") < 0);
    assert.ok(compareVersions("525.60.13", "525.60.12") > 0);
    assert.ok(compareVersions("12.10", "12.9") > 0);
    assert.equal(compareVersions("580", "580.0.0"), 0);
  });

  it("compares packages as Python does, without the local part", () => {
    assert.ok(comparePackageVersions("2.8.0.post2", "2.8.0") > 0);
    assert.ok(comparePackageVersions("2.9.0rc1", "2.9.0") < 0);
    assert.equal(comparePackageVersions("2.7.1+cu128", "2.7.1"), 0);
  });

  it("names the nearest known version", () => {
    assert.equal(nearestVersion("12.7", ["11.8", "12.4", "12.6", "12.8", "13.0"]), "12.6");
    assert.equal(nearestVersion("14.0", ["12.9", "13.0", "13.2"]), "13.2");
    assert.equal(nearestVersion("9.9.9", ["2.9.1", "2.12.0"]), "2.12.0");
    assert.equal(nearestVersion("11.0", ["11.8", "12.4"]), "11.8");
    assert.equal(nearestVersion("2.7.9", ["2.6.0", "2.7.0", "2.7.1", "2.8.0"]), "2.7.1");
    assert.equal(nearestVersion("12.8", []), undefined);
  });

  it("knows ranges, and says undefined of what is none", () => {
    assert.equal(isInRange("2.7.1+cu128", "~=2.7.1"), true);
    assert.equal(isInRange("2.8.0", "~=2.7.1"), false);
    assert.equal(isInRange("anything", ""), true);
    assert.equal(isInRange("not a version", ">=1"), undefined);
  });

  it("reads the CUDA version out of an index's name", () => {
    assert.equal(cudaOfIndex("https://download.pytorch.org/whl/cu128"), "12.8");
    assert.equal(cudaOfIndex("https://mirror.example/whl/cu118/"), "11.8");
    assert.equal(cudaOfIndex("https://pypi.org/simple"), undefined);
  });
});
