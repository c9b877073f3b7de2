#include "stages/pre/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr double kMostParameter = 1e15;

std::size_t any_rows(std::size_t) { return 1; }
std::size_t honest_majority(std::size_t f) { return 2 * f + 1; }

std::size_t as_many(std::size_t n, double) { return n; }
std::size_t buckets(std::size_t n, double size) {
  if (!(size >= 1 && size <= kMostParameter))
    throw UsageError(fmt::format("buckets of {} rows; valid: a whole number, 1 to 1e15", size));
  const auto s = static_cast<std::size_t>(size);
  return n / s + (n % s > 0 ? 1 : 0);
}

constexpr std::array<PreInfo, 4> kSteps = {{
    {.name = "arc",
     .summary =
         "the floor(2 (f / n) (n - f)) rows of greatest norm are scaled down to the next norm",
     .requirement = "n >= 2f + 1",
     .min_rows = honest_majority,
     .points_after = as_many,
     .paper = "Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan: Adaptive Gradient Clipping for "
              "Robust Federated Learning. ICLR 2025",
     .make = make_arc},
    {.name = "bucketing",
     .summary = "means of ceil(n / s) random buckets of s rows",
     .requirement = "n >= 1",
     .min_rows = any_rows,
     .points_after = buckets,
     .parameter = "s",
     .standard = 2,
     .whole = true,
     .paper = "Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via "
              "Bucketing. ICLR 2022",
     .make = make_bucketing,
     .permutes = true},
    {.name = "clipping",
     .summary = "rows longer than c are scaled down to c",
     .requirement = "n >= 1",
     .min_rows = any_rows,
     .points_after = as_many,
     .parameter = "c",
     .standard = 2,
     .make = make_clipping},
    {.name = "nnm",
     .summary = "every row is replaced by the mean of the n - f rows nearest it",
     .requirement = "n >= 2f + 1",
     .min_rows = honest_majority,
     .points_after = as_many,
     .paper =
         "Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan: Fixing by Mixing. AISTATS 2023",
     .make = make_nnm,
     .evens_out_at_f0 = true},
}};

constexpr std::string_view kNoStep =
    "a step of pre is none of pre_aggregators(); valid: those, or parse_pre_steps";

std::string what_is_valid(const PreInfo& info) {
  if (info.parameter.empty()) return std::string(info.name);
  return fmt::format("{0}, or {0}:{1}={2}", info.name, info.parameter, info.standard);
}

bool takes(const PreInfo& info, double value) {
  return value > 0 && value <= kMostParameter && (!info.whole || value == std::floor(value));
}

std::string refusal(const PreInfo& info, std::string_view step) {
  return fmt::format("pre-aggregation '{}': {} must be {}", printable(step), info.parameter,
                     info.whole ? "a whole number, 1 to 1e15" : "a number above 0, at most 1e15");
}

double parse_parameter(const PreInfo& info, std::string_view step, std::string_view text) {
  const std::string start = fmt::format("{}=", info.parameter);
  double value = 0;
  if (!info.parameter.empty() && text.starts_with(start)) {
    text.remove_prefix(start.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (is_number && takes(info, value)) return value;
    throw UsageError(refusal(info, step));
  }
  throw UsageError(
      fmt::format("pre-aggregation '{}'; valid: {}", printable(step), what_is_valid(info)));
}

PreStep parse_step(std::string_view step) {
  const std::size_t colon = step.find(':');
  const PreInfo& info =
      find_by_name("pre-aggregation", step.substr(0, colon), std::span<const PreInfo>(kSteps));
  if (colon == std::string_view::npos) return {&info, info.standard};
  return {&info, parse_parameter(info, step, step.substr(colon + 1))};
}

}  // namespace

std::span<const PreInfo> pre_aggregators() { return kSteps; }

std::vector<PreStep> parse_pre_steps(std::string_view text) {
  std::vector<PreStep> steps;
  if (text.empty() || text == "none") return steps;
  while (true) {
    const std::size_t comma = text.find(',');
    steps.push_back(parse_step(text.substr(0, comma)));
    if (comma == std::string_view::npos) return steps;
    text.remove_prefix(comma + 1);
  }
}

std::string unmet_steps(std::span<const PreStep> steps) {
  for (const PreStep& step : steps) {
    const auto is_it = [&](const PreInfo& info) { return &info == step.info; };
    if (std::ranges::none_of(pre_aggregators(), is_it)) return std::string(kNoStep);
    if (!step.info->parameter.empty() && !takes(*step.info, step.parameter))
      return refusal(*step.info, to_text({&step, 1}));
  }
  return {};
}

std::string to_text(std::span<const PreStep> steps) {
  std::string text;
  for (const PreStep& step : steps) {
    if (step.info == nullptr) throw UsageError(std::string(kNoStep));
    const PreInfo& info = *step.info;
    if (!text.empty()) text += ",";
    text += info.name;
    if (!info.parameter.empty()) text += fmt::format(":{}={}", info.parameter, step.parameter);
  }
  return text.empty() ? "none" : text;
}

}  // namespace detox
