// A robust rule: n rows, f of them hostile -> one vector. Two families (ARCHITECTURE.md):
// coordinate rules reduce each column; geometry rules see only squared distances and norms and
// answer with row weights.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detox/needs_cpp20.hpp"
#include "detox/pre_aggregator.hpp"
#include "detox/random.hpp"
#include "detox/rows.hpp"
#include "detox/thread_pool.hpp"
#include "detox/workspace.hpp"

namespace detox {

enum class BulyanVariant { kPaper, kDetox };

/// Whose definition, where those of the common libraries differ (docs/rules.md).
enum class Semantics { kPaper, kByzfl, kByzpy };

/// What a rule is built with. Who builds one with a value that cannot be, as a negative radius,
/// gets a UsageError, in the words of the command line.
struct RuleOptions {
  std::size_t f = 0;  ///< corrupt rows it must survive
  std::size_t krum_select =
      0;  ///< m of multi-krum; 0: n - f - 2, or n - f in the semantics of others
  BulyanVariant bulyan_variant = BulyanVariant::kPaper;
  double tolerance = 1e-6;        ///< geometric-median: of the median distance from the medoid
  std::size_t reference_row = 0;  ///< monna: the row that is trusted
  double clip_radius = 100;       ///< centered-clipping: tau
  std::size_t clip_rounds = 0;    ///< centered-clipping: L; 0: 1, or 10 in the semantics of byzpy
  std::vector<PreStep> pre = {};  ///< what is done to the rows before the rule sees them
  bool rows_are_signs = false;    ///< signSGD: rows hold (means of) +-1 already, do not take signs
  Semantics semantics = Semantics::kPaper;
  double weight_cap = 2;  ///< a row's weight: at most so many times the equal share 1 / n
};

/// What a rule found out about the rows of one call.
struct AggregationReport {
  struct Rejection {
    std::size_t row;
    std::string reason;
  };
  std::vector<std::size_t>
      selected;  ///< rows that the result is made of, ascending; empty: all, by coordinate
  std::vector<double> scores;  ///< one a row, higher is more suspect; empty where the rule has none
  std::vector<double> weights;      ///< one a row (geometry rules)
  std::vector<Rejection> rejected;  ///< ascending by row
};

/// What a call may use. The workspace keeps its memory between calls: after the first call nothing
/// is allocated.
struct AggregationContext {
  ThreadPool& pool;
  Workspace& workspace;
  std::uint64_t step = 0;  ///< signSGD breaks zeros by the parity of coordinate + step
  Key key{};               ///< random draws (bucketing, dnc) come from (key, step)
  std::span<const double> weights = {};  ///< what each row counts for; empty: all the same
  std::span<const float> start = {};     ///< (d) where a rule that takes_start begins; empty: at 0
};

template <class T>
struct Points;

/// Immutable after construction and safe to share between threads that have a context each. One of
/// your own derives from RowRule (detox/row_rule.hpp).
class Aggregator {
 public:
  virtual ~Aggregator();
  Aggregator(const Aggregator&) = delete;
  Aggregator& operator=(const Aggregator&) = delete;

  /// Reduces rows (n, d), after the steps of options.pre, to out (d). Fewer rows than the rule's
  /// requirement at f is a UsageError with the inequality and the values, and so are rows of
  /// another shape than out, with both, an out that lies in a row, and weights that cannot be
  /// (unmet_weights). The result
  /// depends on nothing but rows, weights, options, step and key: not on threads, instruction sets
  /// or addresses. A NaN in out is always the same: 0x7fc00000, in doubles 0x7ff8000000000000.
  void aggregate(const Rows<float>& rows, std::span<float> out, AggregationContext& context,
                 AggregationReport* report = nullptr) const;
  void aggregate(const Rows<double>& rows, std::span<double> out, AggregationContext& context,
                 AggregationReport* report = nullptr) const;
  /// Of 16-bit floats: the result of their rows as floats, rounded once, to nearest and even. A NaN
  /// in out is 0x7fc0, in IEEE's 0x7e00. A RowRule refuses them with a UsageError.
  void aggregate(const NarrowRows& rows, std::span<std::uint16_t> out, AggregationContext& context,
                 AggregationReport* report = nullptr) const;

  /// Empty where n rows will do; else what a call with them would say (unmet_requirement).
  std::string unmet(std::size_t n) const;

 protected:
  const RuleOptions& options() const { return options_; }

 private:
  friend class GeometryRule;
  template <class Rule>
  friend class PointRule;
  friend class RowRule;
  friend struct RegistryLine;
  explicit Aggregator(const RuleOptions& options);
  /// Before the first call; the line outlives the rule.
  void know(const struct RuleInfo& info) { info_ = &info; }
  virtual void reduce(const Points<float>& points, std::span<float> out,
                      AggregationContext& context, AggregationReport* report) const = 0;
  virtual void reduce(const Points<double>& points, std::span<double> out,
                      AggregationContext& context, AggregationReport* report) const = 0;
  template <class T>
  void check(const Rows<T>& rows, std::span<T> out, const AggregationContext& context) const;
  template <class T>
  void run(const Points<T>& rows, std::span<T> out, AggregationContext& context,
           AggregationReport* report) const;

  RuleOptions options_;
  std::vector<std::unique_ptr<PreAggregator>> pre_;
  const struct RuleInfo* info_ = nullptr;
};

/// What makes a rule; `data` is handed on to the function.
struct RuleMaker {
  std::unique_ptr<Aggregator> (*function)(const RuleOptions&, const void* data) = nullptr;
  const void* data = nullptr;

  /// UsageError as the constructor of a rule: for options that cannot be; and without a function.
  std::unique_ptr<Aggregator> operator()(const RuleOptions& options) const;
};

/// Below how many rows a rule refuses.
struct RowRequirement {
  std::string_view text = {};  ///< as users see it: "n >= 2f + 3"
  std::size_t (*min_rows)(std::size_t f) = nullptr;
};

/// One line of the registry (src/stages/aggregate/rules.def). What others have to know of a rule is
/// a trait here: nobody asks for its name.
struct RuleInfo {
  RuleMaker make = {};
  std::string_view name = {};
  std::string_view alias = {};        ///< another accepted name, or empty
  std::string_view requirement = {};  ///< as users see it: "n >= 2f + 3"
  std::size_t (*min_rows)(std::size_t f) = nullptr;
  std::string_view paper = {};
  /// Where the options can be wrong for enough points (requirement_in): empty, or what is not met.
  std::string (*unmet)(const RuleOptions& options, std::size_t n) = nullptr;
  /// The options (rule_options.hpp) that the result depends on, beside those of all rules; the
  /// second ones in the paper's semantics alone.
  std::array<std::string_view, 4> reads = {}, reads_as_paper = {};
  bool tries_subsets = false;     ///< refused where C(n, f) > kMostSubsets
  bool differs_in_byzfl = false;  ///< another rule in these semantics than in the paper's
  bool differs_in_byzpy = false;
  /// What these ask for, where it is less than requirement and min_rows; else empty.
  RowRequirement needed_in_byzfl = {}, needed_in_byzpy = {};
  bool takes_weights = false;
  bool draws = false;             ///< at random, by the context's key and step
  bool by_columns = false;        ///< a coordinate rule: columns may be reduced block by block
  bool is_mean = false;           ///< survives no hostile row
  bool takes_start = false;       ///< begins at the context's start
  bool trusts_a_row = false;      ///< that of reference_row, which has to be there
  bool is_sign_majority = false;  ///< of the rows' signs: workers need send no more than these
  /// Where another rule's requirement is not met, well-known ones that would do are suggested: the
  /// place of this one, from 1; 0: it is not.
  std::size_t suggested = 0;
  /// Of a rule that was opened from a file: which, and its digest (src/config/rule_file.hpp).
  std::string_view file = {};
};

/// Rows that a rule takes; as many of them may be hostile.
inline constexpr std::size_t kMostRows = 65535;

/// Sets of n - f rows among which a rule may have to search.
inline constexpr double kMostSubsets = 2e6;

/// All rules, sorted by name.
std::span<const RuleInfo> rules();

/// The rule of this name or alias (case and dashes do not matter). UsageError with the valid names
/// and the nearest.
const RuleInfo& find_rule(std::string_view name);

std::unique_ptr<Aggregator> make_aggregator(std::string_view name, const RuleOptions& options);

/// What the rule needs in these semantics.
RowRequirement requirement_in(const RuleInfo& rule, Semantics semantics);

/// Empty where n rows will do for the rule, and for the steps before it, with these options; else
/// the option that cannot be, or the inequality and the values: "krum needs n >= 2f + 3: n = 6, f =
/// 2". Aggregator::aggregate
/// checks this first; here for those who want to refuse a configuration earlier.
std::string unmet_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n);

/// Empty where a call with these weights of n rows will do: the rule and its options take weights,
/// they are finite and at least 0 and not all 0, and, none of them counted for more than
/// options.weight_cap / n, the f rows that have most have less than half (the mean survives nobody
/// and is not asked for that); else what is wrong, in one line.
std::string unmet_weights(const RuleInfo& rule, const RuleOptions& options,
                          std::span<const double> weights, std::size_t n);

/// Of unmet_requirement, as a UsageError.
void check_requirement(const RuleInfo& rule, const RuleOptions& options, std::size_t n);

}  // namespace detox
