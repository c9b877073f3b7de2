// signSGD with majority vote. Bernstein, Zhao, Azizzadenesheli, Anandkumar, ICLR 2019: the sign of
// the sum of signs, 0 on a tie. Rows are gradients, of which the signs are taken (zeros and NaN by
// the parity of coordinate + step, as on the wire: kernels/sign_bits.hpp), or with rows_are_signs
// the votes themselves, or means of them. A row has one vote a coordinate whatever it holds, so
// values that are not finite are no more than that. Cost: one pass.
#include "kernels/combine.hpp"
#include "stages/aggregate/coordinate_rule.hpp"
#include "stages/aggregate/point_rule.hpp"
#include "stages/aggregate/registry.hpp"

namespace detox {
namespace {

class SignSgd final : public PointRule<SignSgd> {
 public:
  explicit SignSgd(const RuleOptions& options) : PointRule(options) {}

 private:
  friend PointRule<SignSgd>;

  template <class T>
  void run(const Points<T>& points, std::span<T> out, AggregationContext& context,
           AggregationReport* /*report*/) const {
    for_point_ranges(
        points, out, context,
        [&](const Rows<T>& rows, std::size_t begin, std::size_t end, std::span<T> to, std::size_t) {
          if (options().rows_are_signs) {
            vote_majority(rows, begin, end, to);
          } else {
            sign_majority(rows, context.step, begin, end, to);
          }
        });
  }
};

}  // namespace

std::unique_ptr<Aggregator> make_sign_sgd(const RuleOptions& options) {
  return std::make_unique<SignSgd>(options);
}

}  // namespace detox
