// detox/detox.h over the registry of rules.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/cores.hpp"
#include "base/names.hpp"
#include "detox/aggregator.hpp"
#include "detox/detox.h"
#include "detox/errors.hpp"
#include "stages/aggregate/function_rule.hpp"
#include "stages/aggregate/rule_options.hpp"

using detox::AggregationContext;

struct detox_aggregator {
  std::unique_ptr<detox::Aggregator> rule;
  std::unique_ptr<detox::ThreadPool> pool;
  detox::Workspace workspace;
  detox::Key key;
  std::vector<double> weights;
  std::string description;
};

namespace {

constexpr int kUsage = 2, kFailure = 1;
constexpr std::size_t kMostThreads = 1024;

thread_local std::string last_error;

/// Runs work; what it throws becomes the thread's error text and the answer of `failed`.
template <class Work, class Failed>
auto guarded(const Work& work, const Failed& failed) -> decltype(work()) {
  try {
    return work();
  } catch (const detox::Error& error) {
    last_error = error.what();
    return failed(error.exit_code() == kUsage ? kUsage : kFailure);
  } catch (const std::exception& error) {
    last_error = error.what();
    return failed(kFailure);
  }
}

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
  while (true) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return asked;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
      throw detox::UsageError(
          fmt::format("option '{}'; valid: KEY=VALUE, as f=5", detox::printable(word, 40)));
    }
    const std::string_view name = word.substr(0, equals), value = word.substr(equals + 1);
    if (!asked.text.empty()) asked.text += ' ';
    asked.text += word;
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
}

/// make(options) makes the rule.
template <class Make>
detox_aggregator* create(std::string_view name, std::string_view requirement, const char* options,
                         std::size_t threads, const Make& make) {
  if (threads > kMostThreads) {
    throw detox::UsageError(fmt::format("threads: {}; valid: 0 to {}", threads, kMostThreads));
  }
  const Asked asked = parse_options(options == nullptr ? "" : options);
  auto made = std::make_unique<detox_aggregator>();
  made->rule = make(asked.options);
  made->pool = std::make_unique<detox::ThreadPool>(threads > 0 ? threads : detox::usable_cores());
  made->key = detox::key_from_seed(asked.seed);
  made->description = fmt::format("{}, needs {}, with {}", name, requirement,
                                  asked.text.empty() ? "f=0" : asked.text);
  return made.release();
}

template <class T>
int aggregate(detox_aggregator* aggregator, const T* const* rows, std::size_t n, std::size_t d,
              std::uint64_t step, T* out) {
  return guarded(
      [&] {
        if (aggregator == nullptr) throw detox::UsageError("the aggregator is NULL");
        AggregationContext context{.pool = *aggregator->pool,
                                   .workspace = aggregator->workspace,
                                   .step = step,
                                   .key = aggregator->key,
                                   .weights = aggregator->weights};
        aggregator->rule->aggregate(detox::Rows<T>{{rows, n}, d}, std::span<T>(out, d), context);
        return 0;
      },
      [](int code) { return code; });
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

detox_aggregator* detox_create(const char* rule, const char* options, size_t threads) {
  return guarded(
      [&]() -> detox_aggregator* {
        if (rule == nullptr) throw detox::UsageError("the rule's name is NULL");
        const detox::RuleInfo& info = detox::find_rule(rule);
        return create(info.name, info.requirement, options, threads, info.make);
      },
      [](int) -> detox_aggregator* { return nullptr; });
}

detox_aggregator* detox_create_from_function(const detox_function_rule* rule, const char* options,
                                             size_t threads) {
  return guarded(
      [&]() -> detox_aggregator* {
        if (rule == nullptr || rule->name == nullptr)
          throw detox::UsageError("the rule or its name is NULL");
        return create(rule->name, detox::requirement_of(*rule), options, threads,
                      [&](const detox::RuleOptions& of_rule) {
                        return detox::make_function_rule(*rule, of_rule);
                      });
      },
      [](int) -> detox_aggregator* { return nullptr; });
}

void detox_destroy(detox_aggregator* aggregator) { delete aggregator; }

const char* detox_describe(const detox_aggregator* aggregator) {
  return aggregator == nullptr ? "" : aggregator->description.c_str();
}

int detox_aggregate_float(detox_aggregator* aggregator, const float* const* rows, size_t n,
                          size_t d, uint64_t step, float* out) {
  return aggregate(aggregator, rows, n, d, step, out);
}

int detox_aggregate_double(detox_aggregator* aggregator, const double* const* rows, size_t n,
                           size_t d, uint64_t step, double* out) {
  return aggregate(aggregator, rows, n, d, step, out);
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
