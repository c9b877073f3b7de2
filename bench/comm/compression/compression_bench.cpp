// When compressing answers pays: for gradients of a worker as training sees them, and for random
// vectors, in chunks of 256 KiB, what is left of the bytes, how fast one core packs and unpacks,
// and the speed of the link below which packing, sending and unpacking one after the other takes
// less time than sending. Where several chunks are on their way at once, the slowest of the three
// counts instead, and packing pays below the speed in the last column. Every chunk is first packed,
// unpacked and compared; exit code 1 where a bit differs.
//
//   compression_bench [DATA_DIR]     Fashion-MNIST from where detoxml finds it, for LeNet, and
//                                    synthetic-cifar10, for ResNet18; what is not there is left out
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "comm/compression/compressor.hpp"
#include "detox/errors.hpp"
#include "detox/thread_pool.hpp"
#include "stages/optimize/sgd.hpp"
#include "support/pinned_main.hpp"

namespace detox {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10U, kBatch = 32;
constexpr int kTurns = 7;

/// Seconds of this thread's processor time, so that neighbours on the machine count less.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Vector {
  std::string name;
  std::vector<float> values;
};

/// The gradients of a single worker at these steps (ascending) of plain training.
std::vector<Vector> gradients(const std::string& network, const Dataset& data,
                              const std::vector<std::size_t>& steps) {
  const auto learner = make_learner(network, data.shape(), data.classes());
  ModelState state = learner->initial_state(key_from_seed(1));
  std::vector<float> gradient(state.parameters.size()), velocity(state.parameters.size());
  std::vector<float> statistics(state.statistics.size());
  std::vector<float> images(kBatch * data.shape().values());
  std::vector<std::int64_t> labels(kBatch);
  ThreadPool pool(1);
  SgdOptions sgd;
  sgd.lr = 0.01;
  sgd.momentum = 0.9;
  std::vector<Vector> found;
  for (std::size_t step = 1; step <= steps.back(); ++step) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      const std::size_t sample = (step * kBatch + i) % data.size();
      data.read(sample, 0, key_from_seed(2),
                std::span(images).subspan(i * data.shape().values(), data.shape().values()));
      labels[i] = data.label(sample);
    }
    learner->gradient(state.parameters, state.statistics, {images, labels}, gradient, statistics);
    if (std::ranges::find(steps, step) != steps.end())
      found.push_back({fmt::format("{}, step {}", network, step), gradient});
    sgd_step(sgd, gradient, state.parameters, velocity, pool);
    state.statistics = statistics;
  }
  return found;
}

struct Result {
  double size = 0;  ///< of what it was
  double pack_s = 1e30, unpack_s = 1e30;
};

/// Best of several turns, each over all chunks. Empty where a bit differs.
std::optional<Result> measure(Compressor& compressor, std::span<const std::byte> bytes) {
  Result result;
  std::vector<std::byte> packed, back(kChunk);
  packed.reserve(kChunk);
  for (int turn = 0; turn < kTurns; ++turn) {
    double pack_s = 0, unpack_s = 0;
    std::size_t sent = 0;
    for (std::size_t begin = 0; begin < bytes.size(); begin += kChunk) {
      const auto chunk = bytes.subspan(begin, std::min(kChunk, bytes.size() - begin));
      const std::span<std::byte> place = std::span(back).first(chunk.size());
      packed.clear();
      const double start = now();
      const bool is_smaller = compressor.pack(chunk, packed);
      const double middle = now();
      const bool is_good = !is_smaller || compressor.unpack(packed, place);
      const double end = now();
      pack_s += middle - start;
      if (is_smaller) unpack_s += end - middle;
      sent += is_smaller ? packed.size() : chunk.size();
      if (!is_good || (is_smaller && !std::ranges::equal(place, chunk))) return std::nullopt;
    }
    result.size = static_cast<double>(sent) / static_cast<double>(bytes.size());
    result.pack_s = std::min(result.pack_s, pack_s);
    result.unpack_s = std::min(result.unpack_s, unpack_s);
  }
  return result;
}

bool print_row(const Vector& vector, std::string_view name) {
  const auto bytes = std::as_bytes(std::span(vector.values));
  const auto result = measure(*make_compressor(name), bytes);
  if (!result) {
    fmt::print(stderr, "{}: {} did not give the bytes back\n", name, vector.name);
    return false;
  }
  const double gigabytes = static_cast<double>(bytes.size()) / 1e9;
  const double saved_gigabits = 8 * gigabytes * (1 - result->size);
  // Side by side, the link need only be slower than the slower end; sending less always pays then.
  const double slower_s = std::max(result->pack_s, result->unpack_s);
  fmt::print("| {} | {} | {:.1f} % | {:.2f} | {:.2f} | {:.2f} | {:.1f} |\n", vector.name, name,
             100 * result->size, gigabytes / result->pack_s, gigabytes / result->unpack_s,
             saved_gigabits / (result->pack_s + result->unpack_s), 8 * gigabytes / slower_s);
  std::fflush(stdout);
  return true;
}

std::vector<Vector> collect(const std::string& data_dir) {
  std::vector<Vector> vectors;
  const auto add = [&](const char* network, const char* data_set, const std::string& folder,
                       const std::vector<std::size_t>& steps) {
    try {
      const auto data = load_dataset(find_dataset(data_set), folder, Split::kTrain);
      for (Vector& vector : gradients(network, *data, steps)) vectors.push_back(std::move(vector));
    } catch (const InputError& error) {
      fmt::print(stderr, "{}\n", error.what());
    }
  };
  add("LeNet", "FashionMNIST", "", {1, 50, 500});
  add("ResNet18", "synthetic-cifar10", data_dir, {1, 10, 40});
  Vector random{"Gaussian", std::vector<float>(2'000'000)};
  RandomStream(key_from_seed(3)).fill_normal(random.values);
  vectors.push_back(std::move(random));
  return vectors;
}

int run(int argc, char** argv) {
  if (argc > 2) throw UsageError("usage: compression_bench [DATA_DIR]");
  fmt::print(
      "| gradient | | size | pack (GB/s) | unpack (GB/s) | pays below (Gb/s): in turn | side by "
      "side "
      "|\n| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
  for (const Vector& vector : collect(argc > 1 ? argv[1] : "")) {
    for (const CompressorInfo& info : compressors()) {
      if (info.make != nullptr && !print_row(vector, info.name)) return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  return detox::pinned_main(argc, argv, "compression_bench", detox::run);
}
