// Loudness of speech per video frame. The service plans a video with it: how many frames, and whether anybody speaks at all.
#include <torch/extension.h>

#include <cmath>

// Root mean square of the samples of each video frame; the last frame may be short.
// samples: one channel, float32. Returns float32, one value a frame.
torch::Tensor envelope(const torch::Tensor &samples, int64_t sample_rate, double frames_per_second) {
  TORCH_CHECK(samples.dim() == 1, "samples must have one dimension, got ", samples.dim());
  TORCH_CHECK(samples.scalar_type() == torch::kFloat32, "samples must be float32");
  TORCH_CHECK(sample_rate > 0 && frames_per_second > 0, "rates must be above zero");
  const auto contiguous = samples.contiguous();
  const float *data = contiguous.data_ptr<float>();
  const int64_t count = contiguous.numel();
  const double step = sample_rate / frames_per_second;
  const int64_t frames = static_cast<int64_t>(std::ceil(count / step));

  auto result = torch::zeros({frames}, torch::kFloat32);
  float *out = result.data_ptr<float>();
  at::parallel_for(0, frames, 64, [&](int64_t first, int64_t last) {
    for (int64_t frame = first; frame < last; ++frame) {
      const int64_t from = static_cast<int64_t>(frame * step);
      const int64_t to = std::min(count, static_cast<int64_t>((frame + 1) * step));
      double sum = 0;
      for (int64_t index = from; index < to; ++index) sum += double(data[index]) * data[index];
      out[frame] = to > from ? static_cast<float>(std::sqrt(sum / (to - from))) : 0.0f;
    }
  });
  return result;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  module.def("envelope", &envelope, "RMS of each video frame", py::arg("samples"), py::arg("sample_rate"), py::arg("frames_per_second"));
}
