#include "stages/aggregate/function_rule.hpp"

#include <fmt/format.h>

#include <exception>
#include <string>

#include "base/names.hpp"
#include "detox/errors.hpp"
#include "detox/row_rule.hpp"

namespace detox {
namespace {

std::size_t one_row(std::size_t) { return 1; }

/// Before the rule, which views them.
struct Texts {
  std::string name, requirement;
};

class FunctionRule final : private Texts, public RowRule {
 public:
  FunctionRule(const detox_function_rule& rule, const RuleOptions& options)
      : Texts{rule.name, std::string(requirement_of(rule))},
        RowRule({.name = name, .requirement = requirement, .min_rows = min_rows_of(rule)}, options),
        rule_(rule) {}

 private:
  void reduce_rows(const Rows<float>& rows, std::span<float> out, AggregationContext&,
                   AggregationReport*) const override {
    run(rule_.reduce_float, "floats", rows, out);
  }
  void reduce_rows(const Rows<double>& rows, std::span<double> out, AggregationContext&,
                   AggregationReport*) const override {
    run(rule_.reduce_double, "doubles", rows, out);
  }

  template <class Function, class T>
  void run(Function function, std::string_view kind, const Rows<T>& rows, std::span<T> out) const {
    if (function == nullptr) throw UsageError(fmt::format("{} has no function for {}", name, kind));
    int code = 0;
    try {
      code = function(rows.row.data(), rows.n(), rows.d, options().f, out.data(), rule_.data);
    } catch (const std::exception& error) {
      throw InputError(fmt::format("{}: its function threw: {}", name, printable(error.what())));
    } catch (...) {
      throw InputError(fmt::format("{}: its function threw", name));
    }
    if (code != 0) throw InputError(fmt::format("{}: its function returned {}", name, code));
  }

  detox_function_rule rule_;
};

}  // namespace

std::string_view requirement_of(const detox_function_rule& rule) {
  if ((rule.requirement == nullptr) != (rule.min_rows == nullptr)) {
    throw UsageError(fmt::format(
        "rule '{}': one of requirement and min_rows is NULL; valid: both or neither", rule.name));
  }
  return rule.requirement != nullptr ? rule.requirement : "n >= 1";
}

std::size_t (*min_rows_of(const detox_function_rule& rule))(std::size_t) {
  return rule.min_rows != nullptr ? rule.min_rows : one_row;
}

std::unique_ptr<Aggregator> make_function_rule(const detox_function_rule& rule,
                                               const RuleOptions& options) {
  return std::make_unique<FunctionRule>(rule, options);
}

}  // namespace detox
