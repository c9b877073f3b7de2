// A run of somebody else's gradients, as `detoxml train` has it for its own.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/as_error.hpp"
#include "base/log.hpp"
#include "base/mistakes.hpp"
#include "base/signals.hpp"
#include "config/given_options.hpp"
#include "config/notices.hpp"
#include "detox/errors.hpp"
#include "embed/engine.h"
#include "embed/numbered_data.hpp"
#include "learn/open_learner.hpp"
#include "record/step_record.hpp"
#include "run/ending.hpp"
#include "run/evaluator.hpp"
#include "run/session.hpp"

namespace detox {
namespace {

std::atomic<bool> stop_wanted{false}, is_busy{false};
static_assert(std::atomic<bool>::is_always_lock_free);

struct OtherOption {
  std::string_view name, why;
};

constexpr std::string_view kNoWire = "nothing travels over MPI";
constexpr std::string_view kOwnData = "the data are the caller's";
/// What the caller decides otherwise.
constexpr std::array kOtherOptions = {
    OtherOption{"network", "the network is the caller's"},
    OtherOption{"dataset", kOwnData},
    OtherOption{"data-dir", kOwnData},
    OtherOption{"image-size", kOwnData},
    OtherOption{"engine", kNoWire},
    OtherOption{"vote", kNoWire},
    OtherOption{"comm-type", kNoWire},
    OtherOption{"compress-grad", kNoWire},
    OtherOption{"threads", "the caller's network computes on the caller's thread"},
    OtherOption{"learner", "the caller is the learner"},
    OtherOption{"numerics", "the library that computes is loaded already"},
    OtherOption{"tensorboard", "detoxml export tensorboard writes what the run recorded"},
    OtherOption{"no-evaluate", "test data are scored where there are some"},
};

std::string_view view(detox_text text) { return {text.data, text.size}; }

/// The caller's words, and what follows from the caller being who it is.
GivenOptions given_options(const detox_training& training) {
  GivenOptions given;
  for (std::size_t i = 0; i < training.options_count; ++i) {
    const std::string_view word = training.options[i];
    const std::size_t sign = word.find('=');
    const std::string name(word.substr(0, sign));
    const std::string value(sign == word.npos ? "" : word.substr(sign + 1));
    if (name == "config") {
      given.config_files.push_back(value);
      continue;
    }
    try {
      const std::string own(find_option(name).name);
      given.settings.push_back({own, value, own == name ? "" : name});
    } catch (const UsageError&) {
      given.unknown.push_back({"--" + name, value});
    }
  }
  Mistakes mistakes;
  for (const OtherOption& other : kOtherOptions) {
    if (given.has(other.name))
      mistakes.add(
          fmt::format("--{} is not for a network of the caller's own: {}", other.name, other.why));
  }
  mistakes.refuse();
  given.settings.push_back({"network", std::string(view(training.network))});
  given.settings.push_back({"dataset", std::string(view(training.data))});
  given.settings.push_back({"engine", "local"});
  given.settings.push_back({"threads", "1"});
  return given;
}

Environment environment_of(const detox_training& training) {
  const std::size_t train = training.samples, test = training.test_samples;
  return {.load_data =
              [&training, train, test](const RunConfig& config, Split split) {
                const bool is_test = split == Split::kTest;
                return std::make_unique<NumberedData>(
                    config.dataset, std::string(view(training.data_digest)), is_test ? train : 0,
                    is_test ? test : train, train + test);
              },
          .resolve_network =
              [&training](std::string_view) { return std::string(view(training.network)); },
          .choose_dataset =
              [](std::string_view name) {
                return DatasetChoice{nullptr, std::string(name)};
              },
          .make_learner =
              [&training](std::string_view network, ImageShape shape, std::size_t classes) {
                return learner_over(*training.learner, network, shape, classes);
              },
          .stop = stop_wanted};
}

/// What a worker of the first step computes, or one like it.
struct Probe {
  BatchResult result;
  std::vector<float> values;

  Probe(Learner& learner, const TrainSetup& setup, std::size_t samples)
      : values(setup.layout.parameter_count() + setup.layout.statistic_count()) {
    std::vector<float> images(samples);
    std::vector<std::int64_t> labels(samples);
    for (std::size_t i = 0; i < samples; ++i) labels[i] = setup.data->label(i);
    const std::span<float> out(values);
    result = learner.gradient(setup.initial.parameters, setup.initial.statistics,
                              {images, labels, 428}, out.first(setup.layout.parameter_count()),
                              out.subspan(setup.layout.parameter_count()));
  }
};

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }
std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

/// A vote compares bits: what computes others for the same samples the second time is no learner.
void check_repeats(const TrainSetup& setup) {
  const std::unique_ptr<Learner> learner = setup.make_learner();
  const std::size_t samples = std::max<std::size_t>(1, setup.samples_per_step / setup.plan.k);
  const Probe once(*learner, setup, samples), again(*learner, setup, samples);
  std::size_t differing = 0;
  for (std::size_t i = 0; i < once.values.size(); ++i) {
    differing += bits(once.values[i]) != bits(again.values[i]) ? 1 : 0;
  }
  const bool same_result = bits(once.result.loss_sum) == bits(again.result.loss_sum) &&
                           once.result.correct == again.result.correct;
  if (differing == 0 && same_result) return;
  throw UsageError(fmt::format(
      "computed twice for the same {} samples and weights, {} of {} values of the gradient and "
      "{} differ, and a vote compares bits; valid: a network, a loss and data that depend on their "
      "arguments, and draw from generators that are seeded before each slice",
      samples, differing, once.values.size(), same_result ? "not the loss" : "the loss"));
}

class Host final : public RunObserver {
 public:
  explicit Host(const detox_training& training) : training_(training) {}

  void on_set_up(const TrainSetup& setup) override {
    const Adversary adversary(setup.plan.attack, setup.keys.attack);
    if (adversary.active() && adversary.flips_labels()) {
      throw UsageError(fmt::format(
          "--err-mode {} needs labels that are classes, and of the caller's samples the engine "
          "knows the numbers alone; valid: another of --err-mode",
          setup.plan.attack.attack));
    }
    check_repeats(setup);
    for (const std::string& notice : setup.plan.notices) log_line(notice);
    for (const std::string& notice :
         run_notices(setup.config, setup.plan, false, setup.layout.statistic_count() > 0))
      log_line(notice);
  }

  void on_step(const StepReport& report) override {
    if (training_.on_step == nullptr) return;
    const std::string line = metrics_line(report, std::nullopt).dump();
    training_.on_step(training_.context, line.data(), line.size());
  }

  void on_steps_end(const TrainSetup& setup, const Training& training, const Adversary& adversary,
                    const Fleet&) override {
    tell_verdict(setup, training, adversary);
  }

  void on_end(const TrainSetup& setup, RunEnd end) override {
    const std::string& train_dir = setup.config.train_dir;
    if (end == RunEnd::kFinished)
      return log_info("finished: step {} in {}", setup.last_step, train_dir);
    log_info("interrupted; --resume auto goes on in {}", train_dir);
  }

 private:
  const detox_training& training_;
};

void tell_test_score(Session& session, const Environment& environment) {
  const TrainSetup& setup = session.setup();
  const auto data = environment.load_data(setup.config, Split::kTest);
  // No more at once than a worker has.
  const std::size_t batch = std::max<std::size_t>(1, setup.samples_per_step / setup.plan.k);
  Evaluator evaluator(*data, setup.make_learner, batch, session.pool());
  const auto score =
      evaluator.score(session.model(), environment.stop, [](std::size_t, std::size_t) {});
  if (!score) return log_line("the test loss was not waited for");
  log_info("test loss {:.4f} of {} samples{}", score->loss, data->size(),
           score->prec1 < 0 ? "" : fmt::format(", accuracy {:.2f}%", score->prec1));
}

/// While one goes on in this process there is no other.
class Turn {
 public:
  Turn() {
    if (is_busy.exchange(true)) {
      throw UsageError("another training goes on in this process; valid: one after the other");
    }
    stop_wanted = false;
  }
  ~Turn() { is_busy = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
};

/// Lines go to the caller.
class Told {
 public:
  explicit Told(const detox_training& training) {
    if (training.tell == nullptr) return;
    send_log_to([&training](std::string_view line) {
      training.tell(training.context, line.data(), line.size());
    });
  }
  ~Told() { send_log_to({}); }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
};

int train(const detox_training& training) {
  const Turn turn;
  const Told told(training);
  const Environment environment = environment_of(training);
  const GivenOptions given = given_options(training);
  check_names(given, environment);
  Host host(training);
  Session session(starting_config(given), environment, host);
  const RunEnd end = session.train_locally();
  const ModelState& model = session.model();
  if (training.on_end != nullptr) {
    const std::string& train_dir = session.setup().config.train_dir;
    training.on_end(training.context, {train_dir.data(), train_dir.size()}, model.parameters.data(),
                    model.statistics.data(), model.counters.data());
  }
  if (end == RunEnd::kInterrupted) return kInterruptedExitCode;
  if (training.test_samples > 0) tell_test_score(session, environment);
  return 0;
}

}  // namespace
}  // namespace detox

extern "C" {

#define DETOX_SHOWN __attribute__((visibility("default")))

DETOX_SHOWN int detox_train(const detox_training* training, detox_sink error) {
  try {
    if (training->size != sizeof(detox_training))
      throw detox::UsageError("detox_training is of another version than the engine");
    return detox::train(*training);
  } catch (const std::exception& thrown) {
    const detox::Error one = detox::as_error(thrown);
    const std::string_view line = one.what();
    error.write(error.to, line.data(), line.size());
    return one.exit_code();
  }
}

DETOX_SHOWN void detox_stop_training(void) { detox::stop_wanted = true; }

DETOX_SHOWN const char* detox_engine_version(void) { return DETOX_VERSION; }
}
