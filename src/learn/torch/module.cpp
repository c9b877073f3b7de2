// The learner over libtorch as a module: plain C over make_torch_learner(), and no exception leaves
// it.
#include <torch/version.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "detox/errors.hpp"
#include "learn/learner_module.h"
#include "learn/torch/libraries.hpp"
#include "learn/torch/torch_learner.hpp"

DETOX_LEARNER_NOTE_TEXT("libtorch " TORCH_VERSION);

namespace {

detox_text text_of(std::string_view text) { return {text.data(), text.size()}; }

void write(detox_sink sink, std::string_view text) {
  sink.write(sink.to, text.data(), text.size());
}

/// A ModelLayout as the interface shows it. The layout outlives it.
class LayoutView {
 public:
  explicit LayoutView(const detox::ModelLayout& layout)
      : parameters_(views(layout.parameters)),
        statistics_(views(layout.statistics)),
        counters_(views(layout.counters)) {
    for (const detox::TiedTensor& tied : layout.tied)
      tied_.push_back({.name = text_of(tied.name), .of = text_of(tied.of)});
    for (const detox::ConstantTensor& constant : layout.constants) {
      constants_.push_back({.name = text_of(constant.name),
                            .dtype = text_of(constant.dtype),
                            .shape = constant.shape.data(),
                            .dimensions = constant.shape.size(),
                            .bytes = constant.bytes.data(),
                            .size = constant.bytes.size()});
    }
    for (const std::string& notice : layout.notices) notices_.push_back(text_of(notice));
    view_ = {.parameters = parameters_.data(),
             .parameters_count = parameters_.size(),
             .statistics = statistics_.data(),
             .statistics_count = statistics_.size(),
             .counters = counters_.data(),
             .counters_count = counters_.size(),
             .tied = tied_.data(),
             .tied_count = tied_.size(),
             .constants = constants_.data(),
             .constants_count = constants_.size(),
             .source = text_of(layout.source),
             .notices = notices_.data(),
             .notices_count = notices_.size()};
  }
  const detox_model_layout& get() const { return view_; }

 private:
  static std::vector<detox_tensor> views(const std::vector<detox::TensorInfo>& infos) {
    std::vector<detox_tensor> tensors;
    tensors.reserve(infos.size());
    for (const detox::TensorInfo& info : infos) {
      tensors.push_back({.name = text_of(info.name),
                         .shape = info.shape.data(),
                         .dimensions = info.shape.size(),
                         .offset = info.offset,
                         .size = info.size});
    }
    return tensors;
  }

  std::vector<detox_tensor> parameters_, statistics_, counters_;
  std::vector<detox_tied_tensor> tied_;
  std::vector<detox_constant_tensor> constants_;
  std::vector<detox_text> notices_;
  detox_model_layout view_{};
};

}  // namespace

struct detox_learner {
  detox_learner(std::unique_ptr<detox::Learner> made, std::size_t values_of_sample)
      : learner(std::move(made)),
        values(values_of_sample),
        layout(learner->layout()),
        parameters(learner->layout().parameter_count()),
        statistics(learner->layout().statistic_count()),
        counters(learner->layout().counter_count()) {}

  std::unique_ptr<detox::Learner> learner;
  std::size_t values;  ///< of a sample
  LayoutView layout;
  std::size_t parameters, statistics, counters;
};

namespace {

/// What a call answers, and its reason where it failed.
template <class Work>
int answer(detox_sink error, const Work& work) noexcept {
  try {
    work();
    return DETOX_LEARNER_OK;
  } catch (const detox::Error& known) {
    write(error, known.what());
    return known.exit_code() == DETOX_LEARNER_USAGE ? DETOX_LEARNER_USAGE : DETOX_LEARNER_INPUT;
  } catch (const std::exception& other) {
    write(error, other.what());
    return DETOX_LEARNER_INPUT;
  }
}

detox::Batch batch_of(const detox_learner& learner, const detox_batch& batch) {
  return {.images = {batch.images, batch.count * learner.values},
          .labels = {batch.labels, batch.count},
          .draws = batch.draws};
}

int make(const detox_network_request* request, detox_learner** out, detox_sink error) {
  return answer(error, [&] {
    const detox::ImageShape shape{
        .channels = request->channels, .height = request->height, .width = request->width};
    auto learner = detox::make_torch_learner({request->network.data, request->network.size}, shape,
                                             request->classes);
    *out = std::make_unique<detox_learner>(std::move(learner), shape.values()).release();
  });
}

void destroy(detox_learner* learner) { std::unique_ptr<detox_learner>(learner).reset(); }

void layout(const detox_learner* learner, detox_model_layout* out) { *out = learner->layout.get(); }

int profile(const detox_learner* learner, detox_sink out, detox_sink error) {
  return answer(error, [&] { write(out, learner->learner->numerical_profile()); });
}

int initial_state(detox_learner* learner, const unsigned char* key, float* parameters,
                  float* statistics, std::int64_t* counters, detox_sink error) {
  return answer(error, [&] {
    detox::Key bytes;
    std::transform(key, key + bytes.size(), bytes.begin(),
                   [](unsigned char byte) { return std::byte{byte}; });
    const detox::ModelState state = learner->learner->initial_state(bytes);
    std::ranges::copy(state.parameters, parameters);
    std::ranges::copy(state.statistics, statistics);
    std::ranges::copy(state.counters, counters);
  });
}

void put(const detox::BatchResult& from, detox_batch_result* to) {
  *to = {.loss_sum = from.loss_sum, .correct = from.correct, .correct_top5 = from.correct_top5};
}

// NOLINTNEXTLINE(readability-function-size): these are the interface's arguments
int gradient(detox_learner* learner, const float* parameters, const float* statistics,
             const detox_batch* batch, float* gradient_out, float* statistics_out,
             detox_batch_result* result, detox_sink error) {
  return answer(error, [&] {
    put(learner->learner->gradient({parameters, learner->parameters},
                                   {statistics, learner->statistics}, batch_of(*learner, *batch),
                                   {gradient_out, learner->parameters},
                                   {statistics_out, learner->statistics}),
        result);
  });
}

// NOLINTNEXTLINE(readability-function-size): likewise
int evaluate(detox_learner* learner, const float* parameters, const float* statistics,
             const std::int64_t* counters, const detox_batch* batch, detox_batch_result* result,
             detox_sink error) {
  return answer(error, [&] {
    put(learner->learner->evaluate({{parameters, learner->parameters},
                                    {statistics, learner->statistics},
                                    {counters, learner->counters}},
                                   batch_of(*learner, *batch)),
        result);
  });
}

int libraries(detox_sink out, detox_sink error) {
  return answer(error, [&] {
    for (const auto& [name, version] : detox::training_libraries()) {
      for (const std::string_view part : {std::string_view(name), std::string_view("\t"),
                                          std::string_view(version), std::string_view("\n")})
        write(out, part);
    }
  });
}

constexpr detox_learner_table kTable = {.interface = DETOX_LEARNER_INTERFACE,
                                        .make = make,
                                        .destroy = destroy,
                                        .layout = layout,
                                        .profile = profile,
                                        .initial_state = initial_state,
                                        .gradient = gradient,
                                        .evaluate = evaluate,
                                        .libraries = libraries,
                                        .sgemm = detox::blas_sgemm};

}  // namespace

extern "C" __attribute__((visibility("default"))) const detox_learner_table*
detox_learner_module() {
  return &kTable;
}
