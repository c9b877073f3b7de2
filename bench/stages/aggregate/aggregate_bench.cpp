// Time of every rule on (n, d) float32 on one thread, beside the time of reading the same bytes
// once in the same process. Arguments: n and d; f is 2 for 15 rows and 5 for 45. The counter
// `x_read` is the ratio of the two. "two threads" compares with one, by turns. tools/bench runs a
// part of it and prints a table.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "detox/aggregator.hpp"
#include "kernels/combine.hpp"
#include "kernels/sign_bits.hpp"
#include "kernels/target.hpp"
#include "stages/vote/slice_vote.hpp"

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

/// Reads every byte once, as fast as is known here: from 15 places side by side, what comes next
/// asked for ahead, as one stream does not use up the memory's speed.
std::uint64_t read_once(const std::vector<float>& values) {
  constexpr std::size_t kPlaces = 15, kLine = 64, kAhead = 8 * kLine;
  std::uint64_t sum[8] = {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  const std::size_t part = values.size() * sizeof(float) / kPlaces / kLine * kLine;
  const auto add = [&](const unsigned char* line) {
    std::uint64_t words[8];
    std::memcpy(words, line, kLine);
    for (int k = 0; k < 8; ++k) sum[k] += words[k];
  };
  for (std::size_t i = 0; i < part; i += kLine) {
    for (std::size_t place = 0; place < kPlaces; ++place) {
      __builtin_prefetch(bytes + place * part + i + kAhead);
      add(bytes + place * part + i);
    }
  }
  for (std::size_t i = kPlaces * part; i + kLine <= values.size() * sizeof(float); i += kLine)
    add(bytes + i);
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

template <class F>
double seconds_of(const F& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double seconds_to_read(const std::vector<float>& values) {
  double best = 1e9;
  for (int k = 0; k < 5; ++k)
    best = std::min(best, seconds_of([&] { benchmark::DoNotOptimize(read_once(values)); }));
  return best;
}

/// The last shape that was asked for: a benchmark is called several times.
const Data& data_of(std::size_t n, std::size_t d) {
  static std::unique_ptr<Data> kept;
  if (kept == nullptr || kept->rows.n() != n || kept->rows.d != d) {
    kept.reset();
    kept = std::make_unique<Data>(n, d);
  }
  return *kept;
}

/// A rule, and what comes before it.
struct Work {
  std::string name, rule, pre;
};

std::vector<Work> works() {
  std::vector<Work> all;
  for (const RuleInfo& info : rules()) {
    const std::string name(info.name);
    // Branch and bound is a matter of rows, not of memory: docs/performance.md.
    if (!info.tries_subsets) all.push_back({name, name, "none"});
  }
  all.push_back({"mda", "mda", "none"});
  all.push_back({"nnm+trimmed-mean", "trimmed-mean", "nnm"});
  all.push_back({"nnm+multi-krum", "multi-krum", "nnm"});
  all.push_back({"arc+coord-median", "coord-median", "arc"});
  return all;
}

std::size_t hostile(std::size_t n) { return n < 45 ? 2 : 5; }

/// Whether the scalar kernels give the same bits, on the first columns.
bool is_right(const Aggregator& rule, const Data& data) {
  const std::size_t d = std::min<std::size_t>(data.rows.d, 100000);
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<float> out(d), again(d);
  rule.aggregate({data.pointers, d}, out, context);
  force_kernel_target("scalar");
  rule.aggregate({data.pointers, d}, again, context);
  force_kernel_target("");
  return std::memcmp(out.data(), again.data(), d * sizeof(float)) == 0;
}

void run_rule(benchmark::State& state, const Work& work) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Data& data = data_of(n, static_cast<std::size_t>(state.range(1)));
  const RuleOptions options{.f = hostile(n), .pre = parse_pre_steps(work.pre)};
  const auto rule = make_aggregator(work.rule, options);
  if (!is_right(*rule, data)) {
    state.SkipWithError("the scalar kernels give other bits");
    return;
  }
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace};
  std::vector<float> out(data.rows.d);
  rule->aggregate(data.rows, out, context);  // the first call allocates
  const double read = seconds_to_read(data.values);
  double seconds = 0;
  for (auto _ : state) seconds += seconds_of([&] { rule->aggregate(data.rows, out, context); });
  state.counters["x_read"] = seconds / static_cast<double>(state.iterations()) / read;
  state.SetLabel(kernel_target_name());
}

/// The same by turns on one thread and on two; the counter `x_faster` is the ratio of the times.
void run_on_two(benchmark::State& state, const Work& work) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Data& data = data_of(n, static_cast<std::size_t>(state.range(1)));
  const auto rule =
      make_aggregator(work.rule, RuleOptions{.f = hostile(n), .pre = parse_pre_steps(work.pre)});
  ThreadPool one(1), two(2);
  Workspace workspace;
  std::vector<float> out(data.rows.d), again(data.rows.d);
  const auto seconds = [&](ThreadPool& pool, std::span<float> to) {
    AggregationContext context{pool, workspace};
    return seconds_of([&] { rule->aggregate(data.rows, to, context); });
  };
  seconds(one, out);  // the first calls allocate
  seconds(two, again);
  if (std::memcmp(out.data(), again.data(), out.size() * sizeof(float)) != 0) {
    state.SkipWithError("two threads give other bits");
    return;
  }
  double on_one = 0, on_two = 0;
  for (auto _ : state) {
    on_one += seconds(one, out);
    on_two += seconds(two, again);
  }
  state.counters["x_faster"] = on_one / on_two;
}

/// The majority over n rows of packed signs, beside reading the same rows as floats.
void BM_packed_signs(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Data& data = data_of(n, static_cast<std::size_t>(state.range(1)));
  const std::size_t d = data.rows.d, size = packed_sign_bytes(d);
  std::vector<std::byte> bits(n * size);
  std::vector<const std::byte*> rows;
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<std::byte> row = std::span(bits).subspan(i * size, size);
    pack_signs({data.pointers[i], d}, 0, row);
    rows.push_back(row.data());
  }
  std::vector<float> out(d), again(d);
  packed_sign_majority(rows, 0, d, out);
  sign_majority(data.rows, 0, 0, d, again);
  if (out != again) {
    state.SkipWithError("the floats have another majority");
    return;
  }
  const double read = seconds_to_read(data.values);
  double seconds = 0;
  for (auto _ : state) seconds += seconds_of([&] { packed_sign_majority(rows, 0, d, out); });
  state.counters["x_read"] = seconds / static_cast<double>(state.iterations()) / read;
}

/// Three replicas of one answer of d floats: the vote reads each once.
void BM_vote(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(1));
  Data data(3, d);
  for (const std::size_t replica : {1UL, 2UL}) {
    std::copy_n(data.values.begin(), d,
                data.values.begin() + static_cast<std::ptrdiff_t>(replica * d));
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data.values));
  const std::size_t size = d * sizeof(float);
  const std::array<std::uint32_t, 3> workers{0, 1, 2};
  const double read = seconds_to_read(data.values);
  double seconds = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    SliceVote vote(workers);
    for (const std::uint32_t worker : workers) vote.add(worker, bytes.subspan(worker * size, size));
    if (vote.state() != SliceVote::State::kResolved || vote.candidates().size() != 1) {
      state.SkipWithError("equal answers were not equal");
      return;
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    seconds += time.count();
  }
  state.counters["x_read"] = seconds / static_cast<double>(state.iterations()) / read;
}

void BM_ReadOnce(benchmark::State& state) {
  const Data& data =
      data_of(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) benchmark::DoNotOptimize(read_once(data.values));
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  const std::vector<detox::Work> works = detox::works();
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{15, 431080},
                                                 {15, 1000000},
                                                 {45, 1000000},
                                                 {15, 11173962},
                                                 {45, 11173962}}) {
    const auto add = [&](benchmark::internal::Benchmark* made) {
      made->Args(shape)->Unit(benchmark::kMillisecond);
    };
    add(benchmark::RegisterBenchmark("BM_reading once", detox::BM_ReadOnce));
    for (const detox::Work& work : works)
      add(benchmark::RegisterBenchmark(("BM_" + work.name).c_str(), detox::run_rule, work));
    for (const detox::Work& work : works)
      add(benchmark::RegisterBenchmark(("BM_two threads: " + work.name).c_str(), detox::run_on_two,
                                       work));
    add(benchmark::RegisterBenchmark("BM_signSGD, packed", detox::BM_packed_signs));
    if (shape[0] == 15) add(benchmark::RegisterBenchmark("BM_vote of 3 replicas", detox::BM_vote));
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
