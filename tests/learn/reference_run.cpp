#include "learn/reference_run.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace detox::test {
namespace {

using nlohmann::json;

template <class T>
std::string write_raw(const std::filesystem::path& directory, const std::string& name,
                      const std::vector<T>& values) {
  std::ofstream file(directory / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
  return name;
}

json write_batch(const std::filesystem::path& directory, const std::string& name,
                 const Samples& samples) {
  return {{"images", write_raw(directory, name + ".f32", samples.images)},
          {"labels", write_raw(directory, name + ".i64", samples.labels)}};
}

json evaluation(Learner& learner, const ModelState& state, const Samples& samples,
                const json& batch, std::size_t after) {
  const BatchResult result = learner.evaluate(state, samples.batch());
  const auto count = static_cast<double>(samples.labels.size());
  return {{"batch", batch},
          {"after", after},
          {"loss", result.loss_sum / count},
          {"prec1", 100.0 * static_cast<double>(result.correct) / count},
          {"prec5", 100.0 * static_cast<double>(result.correct_top5) / count}};
}

/// Parameters, then statistics.
std::vector<float> all_floats(const ModelState& state) {
  std::vector<float> values = state.parameters;
  values.insert(values.end(), state.statistics.begin(), state.statistics.end());
  return values;
}

void add_tensors(const std::vector<TensorInfo>& infos, std::size_t start, json& tensors) {
  for (const TensorInfo& info : infos) {
    tensors.push_back({{"name", info.name},
                       {"shape", info.shape},
                       {"offset", start + info.offset},
                       {"size", info.size}});
  }
}

class Sgd {
 public:
  explicit Sgd(const SgdOptions& options) : options_(options) {}

  void step(std::vector<float>& weights, const std::vector<float>& gradient) {
    const bool first = momentum_.empty();
    momentum_.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float g = gradient[i] + options_.weight_decay * weights[i];
      momentum_[i] = first ? g : options_.momentum * momentum_[i] + g;
      weights[i] -=
          options_.lr * (options_.nesterov ? g + options_.momentum * momentum_[i] : momentum_[i]);
    }
  }

 private:
  SgdOptions options_;
  std::vector<float> momentum_;
};

}  // namespace

void record_run(const std::filesystem::path& directory, std::string_view network,
                const std::vector<Samples>& batches, const Samples& held_out,
                const SgdOptions& options, ImageShape shape) {
  const auto learner = make_learner(network, shape, 10);
  ModelState state = learner->initial_state(key_from_seed(428));
  json manifest = {{"network", network},
                   {"classes", 10},
                   {"image_shape", {shape.channels, shape.height, shape.width}},
                   {"lr", options.lr},
                   {"momentum", options.momentum},
                   {"weight_decay", options.weight_decay},
                   {"nesterov", options.nesterov},
                   {"initial", write_raw(directory, "initial.f32", all_floats(state))},
                   {"tensors", json::array()},
                   {"steps", json::array()},
                   {"evaluations", json::array()}};
  const ModelLayout& layout = learner->layout();
  add_tensors(layout.parameters, 0, manifest["tensors"]);
  add_tensors(layout.statistics, layout.parameter_count(), manifest["tensors"]);
  const json held_out_files = write_batch(directory, "held_out", held_out);
  manifest["evaluations"].push_back(evaluation(*learner, state, held_out, held_out_files, 0));
  Sgd sgd(options);
  std::vector<float> gradient(state.parameters.size());
  for (std::size_t t = 0; t < batches.size(); ++t) {
    const std::vector<float> statistics = state.statistics;
    const BatchResult result = learner->gradient(state.parameters, statistics, batches[t].batch(),
                                                 gradient, state.statistics);
    sgd.step(state.parameters, gradient);
    manifest["steps"].push_back(
        {{"slices", {write_batch(directory, fmt::format("batch_{}", t), batches[t])}},
         {"loss", result.loss_sum / static_cast<double>(batches[t].labels.size())},
         {"weights", write_raw(directory, fmt::format("weights_{}.f32", t), all_floats(state))}});
  }
  manifest["evaluations"].push_back(
      evaluation(*learner, state, held_out, held_out_files, batches.size()));
  std::ofstream(directory / "manifest.json") << manifest.dump(1);
}

Verdict compare_with_pytorch(const std::filesystem::path& directory, double loss_tolerance,
                             double weight_tolerance) {
  const std::string command = fmt::format(
      "/usr/bin/python3 '{}/tests/learn/reference_loop.py' '{}' --loss-tolerance {} "
      "--weight-tolerance {} 2>&1",
      DETOX_SOURCE_DIR, directory.string(), loss_tolerance, weight_tolerance);
  Verdict verdict;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return verdict;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) verdict.output += line.data();
  const int status = pclose(pipe);
  verdict.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return verdict;
}

}  // namespace detox::test
