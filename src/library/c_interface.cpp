// detox/detox.h over the registry of rules.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.hpp"
#include "base/names.hpp"
#include "detox/detox.h"
#include "detox/errors.hpp"
#include "library/c_aggregator.hpp"
#include "library/c_calls.hpp"
#include "stages/aggregate/function_rule.hpp"
#include "stages/aggregate/rule_options.hpp"

using detox::AggregationContext;
using namespace detox::c_calls;

namespace {

const detox::RuleInfo* rule_at(std::size_t rule) {
  return rule < detox::rules().size() ? &detox::rules()[rule] : nullptr;
}

/// Registry texts are string literals, so they end with a zero.
const char* text_of(std::string_view text) { return text.data(); }

struct Asked {
  detox::RuleOptions options;
  std::string text;  ///< the words, a blank between each two
  std::uint64_t seed = detox::kStandardSeed;
};

Asked parse_options(std::string_view text) {
  Asked asked;
  for (const auto& [name, value] : option_words(text)) {
    if (!asked.text.empty()) asked.text += ' ';
    asked.text += fmt::format("{}={}", name, value);
    if (name == "seed") {
      asked.seed = detox::parse_count(name, value);
      continue;
    }
    try {
      detox::set_rule_option(name, value, asked.options);
    } catch (const detox::UsageError& error) {
      const bool is_unknown = std::string_view(error.what()).starts_with("unknown option");
      throw detox::UsageError(std::string(error.what()) + (is_unknown ? ", seed" : ""));
    }
  }
  return asked;
}

/// make(options) makes the rule, requirement(options) says what it needs.
template <class Make, class Requirement>
detox_aggregator* create(std::string_view name, const Requirement& requirement, const char* options,
                         std::size_t threads, const Make& make) {
  const Asked asked = parse_options(options == nullptr ? "" : options);
  std::unique_ptr<detox::ThreadPool> pool = make_pool(threads);
  auto made = std::make_unique<detox_aggregator>();
  made->requirement = requirement(asked.options);
  made->pool = std::move(pool);
  made->rule = make(asked.options);
  made->key = detox::key_from_seed(asked.seed);
  made->description = fmt::format("{}, needs {}, with {}", name, made->requirement,
                                  asked.text.empty() ? "f=0" : asked.text);
  return made.release();
}

template <class Type>
void aggregate(detox_aggregator& aggregator, const detox_call& call, Type type) {
  using Read = Values<Type>;
  std::span<const double> weights = aggregator.weights;
  if (call.weights != nullptr) weights = {call.weights, call.n};
  AggregationContext context{.pool = *aggregator.pool,
                             .workspace = aggregator.workspace,
                             .step = call.step,
                             .key = aggregator.key,
                             .weights = weights};
  detox::AggregationReport* report = call.report != nullptr ? &aggregator.report : nullptr;
  const std::span out(static_cast<typename Read::Type*>(call.out), call.d);
  aggregator.rule->aggregate(Read::rows(call, type), out, context, report);
}

/// The aggregator's report, as the caller sees it.
void show_report(detox_aggregator& aggregator, detox_report& to) {
  const detox::AggregationReport& report = aggregator.report;
  aggregator.rejected.clear();
  aggregator.reasons.clear();
  for (const auto& [row, reason] : report.rejected) {
    aggregator.rejected.push_back(row);
    aggregator.reasons.push_back(reason.c_str());
  }
  to = {.size = sizeof(detox_report),
        .selected_count = report.selected.size(),
        .score_count = report.scores.size(),
        .weight_count = report.weights.size(),
        .rejected_count = report.rejected.size(),
        .selected = report.selected.data(),
        .scores = report.scores.data(),
        .weights = report.weights.data(),
        .rejected = aggregator.rejected.data(),
        .reasons = aggregator.reasons.data()};
}

void check_call(const detox_aggregator* aggregator, const detox_call* call) {
  if (aggregator == nullptr) throw detox::UsageError("the aggregator is NULL");
  check_size(call, "detox_call");
  if (call->report != nullptr) check_size(call->report, "detox_report");
}

template <class T>
int aggregate_rows(detox_aggregator* aggregator, const T* const* rows, std::size_t n, std::size_t d,
                   std::uint64_t step, T* out) {
  // Pointers to pointers have no common type: these are read as what they are (rows_of).
  const detox_call call{.size = sizeof(detox_call),
                        .type = sizeof(T) == sizeof(float) ? DETOX_FLOAT32 : DETOX_FLOAT64,
                        .rows = reinterpret_cast<const void* const*>(rows),
                        .n = n,
                        .d = d,
                        .step = step,
                        .out = out,
                        .weights = nullptr,
                        .report = nullptr};
  return detox_aggregate(aggregator, &call);
}

}  // namespace

const char* detox_version(void) { return DETOX_VERSION; }

const char* detox_error(void) { return last_error.c_str(); }

size_t detox_rule_count(void) { return detox::rules().size(); }

const char* detox_rule_name(size_t rule) {
  const detox::RuleInfo* info = rule_at(rule);
  return info == nullptr ? nullptr : text_of(info->name);
}

const char* detox_rule_requirement(size_t rule) {
  const detox::RuleInfo* info = rule_at(rule);
  return info == nullptr ? nullptr : text_of(info->requirement);
}

const char* detox_rule_paper(size_t rule) {
  const detox::RuleInfo* info = rule_at(rule);
  return info == nullptr ? nullptr : text_of(info->paper);
}

size_t detox_find_rule(const char* name) {
  return guarded(
      [&] {
        if (name == nullptr) throw detox::UsageError("the rule's name is NULL");
        return static_cast<size_t>(&detox::find_rule(name) - detox::rules().data());
      },
      [](int) { return detox_rule_count(); });
}

int detox_rule_takes_weights(size_t rule) {
  const detox::RuleInfo* info = rule_at(rule);
  return info != nullptr && info->takes_weights ? 1 : 0;
}

int detox_rule_draws(size_t rule) {
  const detox::RuleInfo* info = rule_at(rule);
  return info != nullptr && info->draws ? 1 : 0;
}

detox_aggregator* detox_create(const char* rule, const char* options, size_t threads) {
  return guarded(
      [&]() -> detox_aggregator* {
        if (rule == nullptr) throw detox::UsageError("the rule's name is NULL");
        const detox::RuleInfo& info = detox::find_rule(rule);
        const auto needed = [&info](const detox::RuleOptions& of_rule) {
          return std::string(detox::requirement_in(info, of_rule.semantics).text);
        };
        return create(info.name, needed, options, threads, info.make);
      },
      [](int) -> detox_aggregator* { return nullptr; });
}

detox_aggregator* detox_create_from_function(const detox_function_rule* rule, const char* options,
                                             size_t threads) {
  return guarded(
      [&]() -> detox_aggregator* {
        if (rule == nullptr || rule->name == nullptr)
          throw detox::UsageError("the rule or its name is NULL");
        const auto needed = [text = std::string(detox::requirement_of(*rule))](
                                const detox::RuleOptions& /*of_rule*/) { return text; };
        return create(rule->name, needed, options, threads, [&](const detox::RuleOptions& of_rule) {
          return detox::make_function_rule(*rule, of_rule);
        });
      },
      [](int) -> detox_aggregator* { return nullptr; });
}

void detox_destroy(detox_aggregator* aggregator) { delete aggregator; }

const char* detox_describe(const detox_aggregator* aggregator) {
  return aggregator == nullptr ? "" : aggregator->description.c_str();
}

const char* detox_requirement(const detox_aggregator* aggregator) {
  return aggregator == nullptr ? "" : aggregator->requirement.c_str();
}

const char* detox_unmet(const detox_aggregator* aggregator, size_t n) {
  return guarded(
      [&]() -> const char* {
        if (aggregator == nullptr) throw detox::UsageError("the aggregator is NULL");
        thread_local std::string unmet;
        unmet = aggregator->rule->unmet(n);
        return unmet.c_str();
      },
      [](int) -> const char* { return nullptr; });
}

int detox_aggregate(detox_aggregator* aggregator, const detox_call* call) {
  return guarded(
      [&] {
        check_call(aggregator, call);
        of_any_type(*call, [&](auto type) { aggregate(*aggregator, *call, type); });
        if (call->report != nullptr) show_report(*aggregator, *call->report);
        return 0;
      },
      [](int code) { return code; });
}

int detox_aggregate_float(detox_aggregator* aggregator, const float* const* rows, size_t n,
                          size_t d, uint64_t step, float* out) {
  return aggregate_rows(aggregator, rows, n, d, step, out);
}

int detox_aggregate_double(detox_aggregator* aggregator, const double* const* rows, size_t n,
                           size_t d, uint64_t step, double* out) {
  return aggregate_rows(aggregator, rows, n, d, step, out);
}

int detox_set_weights(detox_aggregator* aggregator, const double* weights, size_t n) {
  return guarded(
      [&] {
        if (aggregator == nullptr) throw detox::UsageError("the aggregator is NULL");
        aggregator->weights.assign(weights, weights == nullptr ? weights : weights + n);
        return 0;
      },
      [](int code) { return code; });
}

int detox_digest(const void* bytes, size_t size, unsigned char digest[32]) {
  return guarded(
      [&] {
        if (digest == nullptr || (bytes == nullptr && size > 0))
          throw detox::UsageError("the bytes or the digest are NULL");
        const detox::Digest found = detox::digest_of({static_cast<const std::byte*>(bytes), size});
        std::ranges::transform(found, digest,
                               [](std::byte byte) { return static_cast<unsigned char>(byte); });
        return 0;
      },
      [](int code) { return code; });
}
