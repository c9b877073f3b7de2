// Learners behind the module's interface.
#include <limits>
#include <memory>

#include "base/assert.hpp"
#include "base/learner.hpp"
#include "detox/errors.hpp"
#include "learn/learner_layout.hpp"
#include "learn/network_path.hpp"
#include "learn/open_learner.hpp"

namespace detox {
namespace {

constexpr detox_batch_result kNothingSaid = {
    .loss_sum = 0, .correct = std::numeric_limits<std::int64_t>::min(), .correct_top5 = 0};

class ModuleLearner final : public Learner {
 public:
  ModuleLearner(const detox_learner_table& table, const detox_network_request& request)
      : table_(table),
        values_(std::size_t{request.channels} * request.height * request.width),
        learner_(made(table, request), {table.destroy}) {
    detox_model_layout view{};
    table_.layout(learner_.get(), &view);
    layout_ = layout_of(view);
  }

  const ModelLayout& layout() const override { return layout_; }

  std::string numerical_profile() const override {
    std::string text;
    call_learner(table_.profile, learner_.get(), sink_into(text));
    return text;
  }

  ModelState initial_state(const Key& key) override {
    ModelState state{.parameters = std::vector<float>(layout_.parameter_count()),
                     .statistics = std::vector<float>(layout_.statistic_count()),
                     .counters = std::vector<std::int64_t>(layout_.counter_count())};
    call_learner(table_.initial_state, learner_.get(),
                 reinterpret_cast<const unsigned char*>(key.data()), state.parameters.data(),
                 state.statistics.data(), state.counters.data());
    return state;
  }

  BatchResult gradient(std::span<const float> parameters, std::span<const float> statistics,
                       const Batch& batch, std::span<float> gradient_out,
                       std::span<float> statistics_out) override {
    DETOX_ASSERT(batch.count() > 0 && parameters.size() == layout_.parameter_count() &&
                 statistics.size() == layout_.statistic_count());
    DETOX_ASSERT(gradient_out.size() == parameters.size() &&
                 statistics_out.size() == statistics.size());
    const detox_batch given = shown(batch);
    detox_batch_result result = kNothingSaid;
    call_learner(table_.gradient, learner_.get(), parameters.data(), statistics.data(), &given,
                 gradient_out.data(), statistics_out.data(), &result);
    return known(result);
  }

  BatchResult evaluate(const ModelView& model, const Batch& batch) override {
    DETOX_ASSERT(model.parameters.size() == layout_.parameter_count() &&
                 model.statistics.size() == layout_.statistic_count() &&
                 model.counters.size() == layout_.counter_count());
    const detox_batch given = shown(batch);
    detox_batch_result result = kNothingSaid;
    call_learner(table_.evaluate, learner_.get(), model.parameters.data(), model.statistics.data(),
                 model.counters.data(), &given, &result);
    return known(result);
  }

 private:
  struct Destroy {
    void (*destroy)(detox_learner*);
    void operator()(detox_learner* learner) const { destroy(learner); }
  };

  static detox_learner* made(const detox_learner_table& table,
                             const detox_network_request& request) {
    detox_learner* learner = nullptr;
    call_learner(table.make, &request, &learner);
    return learner;
  }

  detox_batch shown(const Batch& batch) const {
    DETOX_ASSERT(batch.images.size() == batch.count() * values_);
    return {.images = batch.images.data(),
            .labels = batch.labels.data(),
            .count = batch.count(),
            .draws = batch.draws};
  }

  /// A call whose answer is "all right" and that computed nothing is none.
  static BatchResult known(const detox_batch_result& result) {
    if (result.correct == kNothingSaid.correct)
      throw InputError("the learner module says that all is right, and gives no result");
    return {.loss_sum = result.loss_sum,
            .correct = result.correct,
            .correct_top5 = result.correct_top5};
  }

  const detox_learner_table& table_;
  std::size_t values_;  ///< of a sample
  std::unique_ptr<detox_learner, Destroy> learner_;
  ModelLayout layout_;
};

}  // namespace

std::unique_ptr<Learner> learner_over(const detox_learner_table& table, std::string_view network,
                                      ImageShape shape, std::size_t classes) {
  DETOX_ASSERT(shape.values() > 0 && classes > 0);
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  DETOX_ASSERT(shape.channels <= kMost && shape.height <= kMost && shape.width <= kMost);
  return std::make_unique<ModuleLearner>(
      table, detox_network_request{.network = {network.data(), network.size()},
                                   .channels = static_cast<std::uint32_t>(shape.channels),
                                   .height = static_cast<std::uint32_t>(shape.height),
                                   .width = static_cast<std::uint32_t>(shape.width),
                                   .classes = classes});
}

std::unique_ptr<Learner> make_learner(std::string_view network, ImageShape shape,
                                      std::size_t classes) {
  // A name that is none is said without opening anything.
  const std::string_view name = is_network_path(network) ? network : find_network(network).name;
  return learner_over(open_learner(), name, shape, classes);
}

}  // namespace detox
