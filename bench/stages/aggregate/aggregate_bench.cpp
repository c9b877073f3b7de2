// Time of every rule on (n, d) float32, beside the time of reading the same bytes once in the same
// process. Arguments: n and d; f is what bulyan can bear. The counter `x_read` is the ratio of the
// two.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "detox/aggregator.hpp"
#include "kernels/order_statistics.hpp"
#include "kernels/target.hpp"

namespace detox {
namespace {

struct Data {
  std::vector<float> values;
  std::vector<const float*> pointers;
  Rows<float> rows;

  Data(std::size_t n, std::size_t d) : values(n * d) {
    std::uint64_t state = 1;
    for (float& value : values) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      value = static_cast<float>(static_cast<double>(state >> 40) * 0x1p-24 - 0.5);
    }
    for (std::size_t i = 0; i < n; ++i) pointers.push_back(values.data() + i * d);
    rows = {pointers, d};
  }
};

/// Reads every byte once; eight independent sums, so that it is bound by memory.
std::uint64_t read_once(const std::vector<float>& values) {
  std::uint64_t sum[8] = {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  const std::size_t size = values.size() * sizeof(float);
  for (std::size_t i = 0; i + 64 <= size; i += 64) {
    std::uint64_t words[8];
    std::memcpy(words, bytes + i, 64);
    for (int k = 0; k < 8; ++k) sum[k] += words[k];
  }
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

double seconds_to_read(const std::vector<float>& values) {
  double best = 1e9;
  for (int k = 0; k < 5; ++k) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(read_once(values));
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return best;
}

void run_rule(benchmark::State& state, const RuleInfo& info) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto d = static_cast<std::size_t>(state.range(1));
  const Data data(n, d);
  RuleOptions options;
  options.f = (n - 3) / 4;
  const auto rule = make_aggregator(info.name, options);
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<float> out(d), again(d);
  rule->aggregate(data.rows, out, context);
  const std::string best = kernel_target_name();
  force_kernel_target("scalar");
  rule->aggregate({data.pointers, d}, again, context);
  force_kernel_target("");
  if (std::memcmp(out.data(), again.data(), d * sizeof(float)) != 0) {
    state.SkipWithError("the scalar kernels give other bits");
    return;
  }
  double seconds = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    rule->aggregate(data.rows, out, context);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    seconds += time.count();
  }
  state.counters["x_read"] =
      seconds / static_cast<double>(state.iterations()) / seconds_to_read(data.values);
  state.SetLabel(best);
}

void BM_ReadOnce(benchmark::State& state) {
  const Data data(static_cast<std::size_t>(state.range(0)),
                  static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) benchmark::DoNotOptimize(read_once(data.values));
}
BENCHMARK(BM_ReadOnce)
    ->Args({15, 431080})
    ->Args({15, 1000000})
    ->Args({45, 1000000})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  for (const detox::RuleInfo& info : detox::rules()) {
    benchmark::RegisterBenchmark(("BM_" + std::string(info.name)).c_str(), detox::run_rule, info)
        ->Args({15, 431080})
        ->Args({15, 1000000})
        ->Args({45, 1000000})
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
