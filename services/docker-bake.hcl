# Builds the same folders with buildx bake alone, without Pulumi; from the project's folder:
#
#   docker buildx bake -f services/docker-bake.hcl
#   env $(grep -v "^#" services/sandbox.env) docker buildx bake -f services/compose.build.yaml -f services/docker-bake.hcl   # in the sandbox
#
# The order follows from `contexts`: a target there is the image that FROM names.
variable "CUDA" { default = "12.8" }
variable "CUDA_BASE" { default = "nvidia/cuda:12.8.1-base-ubuntu22.04" }
variable "LOCK" { default = "torch2.7.1-cu128-py310" }
variable "PACKAGE_INDEX" { default = "https://download.pytorch.org/whl/cu128" }
variable "TORCH_CUDA_ARCH_LIST" { default = "8.6;8.9;12.0" }
variable "SOURCE" { default = "upstream" }
variable "FLASH_ATTN" { default = "wheel" }
variable "BUILD_NETWORK" { default = "default" }
# A company's certificates for HTTPS in builds; an empty file is passed over.
variable "SSL_CERT_FILE" { default = "/dev/null" }

group "default" {
  targets = ["cuda-base-runtime", "cuda-base-devel", "whisperx", "infinitetalk"]
}

target "_common" {
  network = BUILD_NETWORK
  secret  = ["id=ca,src=${SSL_CERT_FILE}"]
}

target "cuda-base-runtime" {
  inherits   = ["_common"]
  context    = "cuda-base"
  dockerfile = "Dockerfile.runtime"
  args       = { CUDA = CUDA, CUDA_BASE = CUDA_BASE, LOCK = LOCK, PACKAGE_INDEX = PACKAGE_INDEX }
  tags       = ["cuda-base:runtime-${CUDA}"]
}

target "cuda-base-devel" {
  inherits   = ["_common"]
  context    = "cuda-base"
  dockerfile = "Dockerfile.devel"
  contexts   = { "cuda-base:runtime-${CUDA}" = "target:cuda-base-runtime" }
  args       = { CUDA = CUDA, TORCH_CUDA_ARCH_LIST = TORCH_CUDA_ARCH_LIST }
  tags       = ["cuda-base:devel-${CUDA}"]
}

target "ai-api-base" {
  inherits = ["_common"]
  context  = "services/ai-api-base"
  contexts = { "cuda-base:runtime-${CUDA}" = "target:cuda-base-runtime" }
  args     = { CUDA = CUDA }
  tags     = ["ai-api-base:cu${replace(CUDA, ".", "")}"]
}

target "whisperx" {
  inherits = ["_common"]
  context  = "services/whisperx"
  contexts = { "cuda-base:runtime-${CUDA}" = "target:cuda-base-runtime" }
  args     = { CUDA = CUDA, LOCK = LOCK }
  tags     = ["whisperx:cu${replace(CUDA, ".", "")}"]
}

target "infinitetalk" {
  inherits = ["_common"]
  context  = "services/infinitetalk"
  contexts = {
    "cuda-base:runtime-${CUDA}" = "target:cuda-base-runtime"
    "cuda-base:devel-${CUDA}"   = "target:cuda-base-devel"
  }
  args = { CUDA = CUDA, LOCK = LOCK, SOURCE = SOURCE, FLASH_ATTN = FLASH_ATTN }
  tags = ["infinitetalk:cu${replace(CUDA, ".", "")}"]
}
