// Any bytes as a rule, its options, steps before it, and rows of floats or doubles of any bits. Too
// few rows are refused in one line and nothing else is; the result has the same bits for one thread
// and two, and stays near the others where at most f rows hold anything but ordinary numbers.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "detox/aggregator.hpp"
#include "detox/errors.hpp"

namespace {

using namespace detox;

constexpr double kOrdinary = 1e6;

void require(bool condition) {
  if (!condition) std::abort();
}

/// The input, taken bit by bit; zeros behind its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::size_t below(std::size_t bound) { return byte() % bound; }
  template <class T>
  T bits() {
    std::array<std::uint8_t, sizeof(T)> bytes{};
    for (std::uint8_t& one : bytes) one = byte();
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

struct Call {
  const RuleInfo* rule;
  RuleOptions options;
  std::uint64_t step;
  Key key;
  std::size_t n, d;
  std::vector<double> weights;
  std::vector<float> start;
};

/// What few calls have.
void read_extras(Input& input, Call& call) {
  constexpr std::array kSemantics = {Semantics::kPaper, Semantics::kByzfl, Semantics::kByzpy};
  constexpr std::array<double, 8> kWeights = {0,
                                              -1,
                                              1e-300,
                                              1e300,
                                              0.5,
                                              3,
                                              std::numeric_limits<double>::infinity(),
                                              std::numeric_limits<double>::quiet_NaN()};
  call.options.semantics = kSemantics[input.below(kSemantics.size())];
  const std::size_t extras = input.byte();
  if (extras % 2 != 0) call.options.weight_cap = 1 + static_cast<double>(input.byte()) / 32;
  if (extras / 2 % 2 != 0) {
    for (std::size_t i = 0; i < call.n + (extras / 8 % 8 == 0 ? 1 : 0); ++i) {
      const std::size_t weight = input.byte();
      call.weights.push_back(weight < kWeights.size() ? kWeights[weight]
                                                      : static_cast<double>(weight));
    }
  }
  if (extras / 4 % 2 != 0) call.start.assign(call.d, input.bits<float>());
}

Call read_call(Input& input) {
  constexpr std::array<std::size_t, 7> kWidths = {1, 2, 3, 15, 17, 65, 4100};
  Call call{};
  call.rule = &rules()[input.below(rules().size())];
  call.n = input.below(call.rule->tries_subsets ? 16 : 24);  // under a sanitizer, too
  RuleOptions& options = call.options;
  options.f = input.below(8);
  call.d = kWidths[input.below(kWidths.size())];
  const std::size_t flags = input.byte();
  options.bulyan_variant = flags % 2 == 0 ? BulyanVariant::kPaper : BulyanVariant::kDetox;
  options.rows_are_signs = flags / 2 % 2 != 0;
  options.krum_select = flags / 4 % 2 != 0 ? input.below(24) : 0;
  options.reference_row = flags / 8 % 2 != 0 ? input.below(24) : options.f;
  if (flags / 16 % 2 != 0) options.tolerance = static_cast<double>(input.byte()) / 256;
  if (flags / 32 % 2 != 0) options.clip_radius = std::pow(10, input.below(40)) * 1e-20;
  if (flags / 64 % 2 != 0) options.clip_rounds = 1 + input.below(5);
  for (std::size_t steps = input.below(8); steps > 0 && steps < 4; --steps) {
    const PreInfo& info = pre_aggregators()[input.below(pre_aggregators().size())];
    options.pre.push_back({&info, static_cast<double>(1 + input.below(6))});
  }
  if (flags / 128 % 2 != 0) read_extras(input, call);
  call.step = input.byte();
  call.key[0] = static_cast<std::byte>(input.byte());
  return call;
}

/// One row by a byte that says how: of any bits, of ordinary numbers, of one value, or as another.
template <class T>
void read_row(Input& input, std::size_t row, std::vector<std::vector<T>>& rows) {
  constexpr std::array<double, 16> kValues = {0,
                                              -0.0,
                                              1,
                                              -1,
                                              0.5,
                                              kOrdinary,
                                              1e-30,
                                              1e-40,
                                              1e15,
                                              1e30,
                                              -1e30,
                                              3e38,
                                              1e144,
                                              1e300,
                                              std::numeric_limits<double>::infinity(),
                                              std::numeric_limits<double>::quiet_NaN()};
  std::vector<T>& values = rows[row];
  const std::size_t how = input.byte();
  switch (how % 4) {
    case 0:
      for (std::size_t c = 0; c < std::min<std::size_t>(values.size(), 20); ++c)
        values[c] = input.bits<T>();
      break;
    case 1:
      for (std::size_t c = 0; c < std::min<std::size_t>(values.size(), 20); ++c)
        values[c] = static_cast<T>(static_cast<std::int8_t>(input.byte())) / 8;
      break;
    case 2: {
      const double value = kValues[how / 4 % kValues.size()];
      const bool fits = std::isinf(value) || !(std::abs(value) > std::numeric_limits<T>::max());
      values.assign(values.size(), fits ? static_cast<T>(value) : std::numeric_limits<T>::max());
      break;
    }
    default:
      if (row > 0) values = rows[how / 4 % row];
      values[0] += static_cast<T>(input.byte()) / 64;
  }
}

template <class T>
bool is_ordinary(const std::vector<T>& row) {
  return std::ranges::all_of(row, [](T value) { return std::abs(value) <= T{kOrdinary}; });
}

/// At most f rows are not ordinary, which are not most of the points, whatever peers accept; steps
/// spoil no more points than there are such rows.
template <class T>
bool is_defended(const Call& call, const std::vector<std::vector<T>>& rows) {
  std::size_t bad = 0, points = call.n;
  for (const PreStep& step : call.options.pre)
    points = step.info->points_after(points, step.parameter);
  if (call.options.semantics != Semantics::kPaper && points <= 2 * call.options.f) return false;
  for (const auto& row : rows) bad += is_ordinary(row) ? 0 : 1;
  return bad <= (call.rule->name == "normal" ? 0 : call.options.f);
}

/// No rule but these goes farther than a small multiple of the greatest distance between honest
/// rows (docs/rules.md).
template <class T>
double farthest(const Call& call, const std::vector<std::vector<T>>& rows) {
  const bool trusts_it =
      call.rule->name == "monna" && !is_ordinary(rows[call.options.reference_row]);
  if (trusts_it || call.rule->name == "centered-clipping" || call.rule->name == "dnc" ||
      call.options.semantics != Semantics::kPaper)
    return std::numeric_limits<T>::max();
  return 1e4 * kOrdinary * std::sqrt(static_cast<double>(call.d));
}

template <class T>
std::vector<T> result(const Call& call, const std::vector<std::vector<T>>& rows,
                      std::size_t threads, AggregationReport* report) {
  ThreadPool pool(threads);
  Workspace workspace;
  AggregationContext context{.pool = pool,
                             .workspace = workspace,
                             .step = call.step,
                             .key = call.key,
                             .weights = call.weights,
                             .start = call.start};
  std::vector<const T*> pointers(rows.size());
  std::ranges::transform(rows, pointers.begin(), [](const auto& row) { return row.data(); });
  std::vector<T> out(call.d);
  make_aggregator(call.rule->name, call.options)
      ->aggregate(Rows<T>{pointers, call.d}, out, context, report);
  return out;
}

void check_report(const Call& call, const AggregationReport& report) {
  require(report.scores.empty() || report.scores.size() == call.n);
  require(report.weights.empty() || report.weights.size() == call.n);
  require(std::ranges::is_sorted(report.selected));
  for (const std::size_t row : report.selected) require(row < call.n);
  for (const auto& rejection : report.rejected) {
    require(rejection.row < call.n && !rejection.reason.empty());
    require(!std::ranges::binary_search(report.selected, rejection.row));
  }
}

template <class T>
void aggregate(const Call& call, Input& input) {
  std::vector<std::vector<T>> rows(call.n, std::vector<T>(call.d));
  for (std::size_t i = 0; i < call.n; ++i) read_row(input, i, rows);
  const bool is_refused = !unmet_requirement(*call.rule, call.options, call.n).empty() ||
                          (!call.weights.empty() &&
                           !unmet_weights(*call.rule, call.options, call.weights, call.n).empty());
  try {
    AggregationReport report;
    const std::vector<T> out = result(call, rows, 1, &report);
    require(!is_refused);
    check_report(call, report);
    const std::vector<T> again = result(call, rows, 2, nullptr);
    require(std::memcmp(out.data(), again.data(), out.size() * sizeof(T)) == 0);
    if (is_defended(call, rows)) {
      const double most = farthest(call, rows);
      for (const T value : out) require(std::abs(value) <= most);  // false for NaN
    }
  } catch (const UsageError& error) {
    require(is_refused && error.what()[0] != '\0');
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool doubles = input.byte() % 2 != 0;
  const Call call = read_call(input);
  if (doubles) {
    aggregate<double>(call, input);
  } else {
    aggregate<float>(call, input);
  }
  return 0;
}
