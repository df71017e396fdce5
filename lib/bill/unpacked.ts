/**
 * How many times its packed size a wheel takes on the disk, and how much of that is Python source: summed up over the files
 * of real wheels (torch 2.7.1 with its CUDA libraries, WhisperX 3.7.3's and InfiniteTalk's packages, Python 3.11).
 */
const measured: Record<string, [unpacked: number, source: number]> = {
  av: [2.95, 0.0],
  babel: [3.02, 0.05],
  blis: [3.1, 0.0],
  cryptography: [2.9, 0.09],
  ctranslate2: [3.58, 0.01],
  decord: [2.89, 0.01],
  diffusers: [4.33, 4.32],
  "espeakng-loader": [2.02, 0.0],
  fonttools: [4.28, 0.86],
  gradio: [3.13, 0.03],
  grpcio: [2.49, 0.09],
  "hf-xet": [2.51, 0.0],
  "imageio-ffmpeg": [2.71, 0.0],
  "language-data": [2.38, 0.85],
  llvmlite: [3.15, 0.01],
  matplotlib: [2.54, 0.86],
  misaki: [4.16, 0.09],
  numba: [4.04, 2.76],
  numpy: [3.58, 0.45],
  "nvidia-cublas": [1.53, 0.0],
  "nvidia-cuda-cupti": [3.91, 0.0],
  "nvidia-cuda-nvrtc": [2.71, 0.0],
  "nvidia-cudnn": [1.53, 0.0],
  "nvidia-cufft": [1.4, 0.0],
  "nvidia-curand": [1.75, 0.0],
  "nvidia-cusolver": [1.54, 0.0],
  "nvidia-cusparse": [1.36, 0.0],
  "nvidia-cusparselt": [1.51, 0.0],
  "nvidia-nccl": [1.36, 0.0],
  "nvidia-nvjitlink": [2.56, 0.0],
  onnxruntime: [2.85, 0.21],
  "opencv-python-headless": [2.84, 0.0],
  pandas: [3.34, 1.56],
  pillow: [2.64, 0.17],
  ruff: [2.76, 0.0],
  "scikit-image": [2.25, 0.21],
  "scikit-learn": [3.46, 1.29],
  scipy: [3.3, 0.55],
  spacy: [3.53, 0.12],
  sqlalchemy: [3.95, 2.43],
  sympy: [4.24, 4.16],
  thinc: [3.61, 0.18],
  tokenizers: [3.26, 0.02],
  torch: [1.96, 0.04],
  torchaudio: [3.77, 0.39],
  torchvision: [2.78, 0.35],
  transformers: [4.35, 4.33],
  triton: [3.62, 0.0],
  whisperx: [1.08, 0.01],
  xformers: [3.28, 0.02],
};
/** Everything below 3 MB together; what is larger is mostly compiled; libraries of NVIDIA that are not in the table. */
const others: [number, number] = [3.26, 1.67];
const large: [number, number] = [3.0, 0.2];
const nvidia: [number, number] = [1.6, 0];
/** Bytes of bytecode for each byte of source. */
const bytecode = 1.15;

/** Bytes of an installed package: its files alone, as a cache mount has them, and with bytecode, as a layer has them. */
export function unpackedBytes(name: string, packed: number): { files: number; installed: number } {
  const plain = name.replace(/-cu1\d$/, "");
  const [unpacked, source] =
    measured[plain] ?? (plain.startsWith("nvidia-") ? nvidia : packed < 3e6 ? others : large);
  const files = packed * unpacked;
  return { files: Math.round(files), installed: Math.round(files + packed * source * bytecode) };
}

/** Packed layers of a distribution, unpacked. */
export const layerRatio = 2.6;
