#include "stages/aggregate/registry.hpp"

#include "base/names.hpp"

namespace detox {

/// A rule knows its line, whoever calls the line's factory.
struct RegistryLine {
  template <auto Make, std::size_t kPlace>
  static std::unique_ptr<Aggregator> make(const RuleOptions& options, const void*) {
    std::unique_ptr<Aggregator> rule = Make(options);
    rule->know(rules()[kPlace]);
    return rule;
  }
};

namespace {

std::size_t one(std::size_t) { return 1; }
std::size_t majority(std::size_t f) { return 2 * f + 1; }
std::size_t one_honest(std::size_t f) { return f + 1; }
std::size_t two_honest(std::size_t f) { return f + 2; }
std::size_t krum_rows(std::size_t f) { return 2 * f + 3; }
std::size_t bulyan_rows(std::size_t f) { return 4 * f + 3; }

constexpr std::string_view kMajority = "n >= 2f + 1";
constexpr std::string_view kKrum = "n >= 2f + 3";
constexpr RowRequirement kHonestMajority = {kMajority, majority};
constexpr RowRequirement kOneHonest = {"n >= f + 1", one_honest};
constexpr RowRequirement kTwoHonest = {"n >= f + 2", two_honest};

enum Place : std::size_t {
#define RULE(ID, ...) kPlaceOf_##ID,
#include "stages/aggregate/rules.def"
#undef RULE
};

constexpr RuleInfo kRules[] = {
#define RULE(ID, ...) RuleInfo{.make = {RegistryLine::make<make_##ID, kPlaceOf_##ID>}, __VA_ARGS__},
#include "stages/aggregate/rules.def"
#undef RULE
};

}  // namespace

std::span<const RuleInfo> rules() { return kRules; }

const RuleInfo& find_rule(std::string_view name) { return find_by_name("rule", name, rules()); }

std::unique_ptr<Aggregator> make_aggregator(std::string_view name, const RuleOptions& options) {
  return find_rule(name).make(options);
}

}  // namespace detox
