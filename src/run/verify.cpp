#include "run/verify.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <random>

#include "base/at_once.hpp"
#include "base/progress_line.hpp"
#include "base/worker_names.hpp"
#include "detox/errors.hpp"
#include "engine/adversary.hpp"
#include "record/checkpoint_files.hpp"
#include "record/run_files.hpp"
#include "record/signature_file.hpp"
#include "run/start.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamedSlices = 8;

/// Steps first to last, from the checkpoint before them.
struct Stretch {
  std::uint64_t first, last;
};

template <class Value>
bool same_bytes(std::span<const Value> a, std::span<const Value> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

template <class Value>
std::string first_of(const std::vector<TensorInfo>& tensors, const char* prefix,
                     std::span<const Value> a, std::span<const Value> b) {
  if (same_bytes(a, b)) return {};
  if (a.size() != b.size()) return fmt::format("{}*", prefix);
  for (const TensorInfo& tensor : tensors) {
    if (!same_bytes(a.subspan(tensor.offset, tensor.size), b.subspan(tensor.offset, tensor.size)))
      return prefix + tensor.name;
  }
  return fmt::format("{}*", prefix);
}

/// The name, as in the files of a checkpoint, of the first tensor that differs; empty for none.
std::string first_tensor(const ModelLayout& layout, const Checkpoint& a, const Checkpoint& b) {
  using Floats = std::span<const float>;
  using Int64s = std::span<const std::int64_t>;
  for (const std::string& name :
       {first_of(layout.parameters, "", Floats(a.model.parameters), Floats(b.model.parameters)),
        first_of(layout.statistics, "", Floats(a.model.statistics), Floats(b.model.statistics)),
        first_of(layout.counters, "", Int64s(a.model.counters), Int64s(b.model.counters)),
        first_of(layout.parameters, "momentum.", Floats(a.state.momentum),
                 Floats(b.state.momentum)),
        first_of(layout.parameters, "last_aggregate.", Floats(a.state.last_aggregate),
                 Floats(b.state.last_aggregate))}) {
    if (!name.empty()) return name;
  }
  return {};
}

/// One run that is verified: what all stretches share.
class Verification {
 public:
  Verification(const Session& session, const VerifyOptions& options)
      : session_(session),
        setup_(session.setup()),
        options_(options),
        signature_(wanted_signature(options)),
        checkpoints_(list_checkpoints(options.run)),
        lines_(options.run / kCommitmentsFile),
        replay_(options.run, setup_.plan.workers, setup_.plan.k, lines_.last_step()),
        adversary_(setup_.plan.attack, setup_.keys.attack) {
    check_record();
    if (signature_) check_signature(*signature_, *options.key, lines_, setup_.config_digest);
  }

  Verified run() {
    const std::vector<Stretch> stretches = chosen(wanted_stretches());
    Verified verified;
    verified.stretches = stretches.size();
    for (const Stretch& stretch : stretches) {
      verified.wanted += stretch.last + 1 - stretch.first;
      verified.last = std::max(verified.last, stretch.last);
    }
    if (signature_) verified.last_signed = lines_.last_step_of(signature_->chain).value_or(0);
    verified.taken_back = lines_.taken_back();
    all_ = verified.wanted;
    const std::size_t side_by_side = std::clamp<std::size_t>(
        options_.threads / setup_.plan.k, 1, std::max<std::size_t>(1, stretches.size()));
    const std::size_t threads = std::max<std::size_t>(1, options_.threads / side_by_side);
    for_each_at_once(stretches.size(), side_by_side, [&](std::size_t i) {
      try {
        if (!is_failed_) compute(stretches[i], threads);
      } catch (const std::exception&) {
        const std::lock_guard lock(mutex_);
        if (!is_failed_.exchange(true)) failed_ = std::current_exception();
      }
    });
    progress_.end();
    if (failed_) std::rethrow_exception(failed_);
    verified.agreed = agreed_;
    verified.too_early = starts().front() + 1 - lines_.first_step();
    for (const auto& [step, what] : differences_) verified.differences.push_back({step, what});
    return verified;
  }

 private:
  /// That record and checkpoints are of one run, which this machine can compute.
  void check_record() const {
    const fs::path& run = options_.run;
    if (replay_.last_step() < lines_.last_step() || replay_.first_step() != lines_.first_step()) {
      throw InputError(fmt::format("{} has steps {} to {}, {} steps {} to {}: lines are missing",
                                   (run / kRoundsFile).string(), replay_.first_step(),
                                   replay_.last_step(), lines_.name(), lines_.first_step(),
                                   lines_.last_step()));
    }
    if (checkpoints_.empty()) return;
    if (checkpoints_.back() > lines_.last_step()) {
      throw InputError(
          fmt::format("{} ends at step {}, but there is a checkpoint of step {}: lines are missing",
                      lines_.name(), lines_.last_step(), checkpoints_.back()));
    }
    const fs::path file = model_path(run, checkpoints_.back());
    const TrainingState state = load_checkpoint(file, setup_.layout).state;
    if (std::ranges::find(setup_.profiles, state.profile) == setup_.profiles.end()) {
      throw InputError(fmt::format(
          "{}: computed under '{}', this machine computes under '{}', with other last bits; valid: "
          "a machine and a program of that profile",
          file.string(), state.profile, setup_.profile));
    }
    check_same_run(setup_, file, state);
  }

  static std::optional<CommitmentSignature> wanted_signature(const VerifyOptions& options) {
    if (options.key == nullptr) return std::nullopt;
    auto signature = read_signature(options.run / kSignatureFile);
    if (signature) return signature;
    throw InputError(
        fmt::format("{} has no {}: nobody has signed it", options.run.string(), kSignatureFile));
  }

  /// Where computing can begin, ascending: a checkpoint of a step that has a line, or the
  /// beginning.
  std::vector<std::uint64_t> starts() const {
    std::vector<std::uint64_t> found;
    if (lines_.first_step() == 1) found.push_back(0);
    for (const std::uint64_t step : checkpoints_) {
      if (step + 1 >= lines_.first_step() && step < lines_.last_step() && step > 0)
        found.push_back(step);
    }
    return found;
  }

  std::vector<Stretch> wanted_stretches() const {
    const std::vector<std::uint64_t> from = starts();
    const std::uint64_t last_line = lines_.last_step();
    if (from.empty()) {
      throw InputError(fmt::format(
          "{}: no checkpoint to begin at: its commitments begin at step {}, behind a checkpoint of "
          "another directory",
          options_.run.string(), lines_.first_step()));
    }
    const auto [first, last] = options_.steps.value_or(std::pair(from.front() + 1, last_line));
    if (first <= from.front() || first > last || last > last_line) {
      throw UsageError(fmt::format("--steps {}-{}: valid: steps from {} to {}", first, last,
                                   from.front() + 1, last_line));
    }
    std::vector<Stretch> stretches;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::uint64_t end = i + 1 < from.size() ? from[i + 1] : last_line;
      if (end >= first && from[i] < last) stretches.push_back({from[i] + 1, std::min(end, last)});
    }
    return stretches;
  }

  std::vector<Stretch> chosen(std::vector<Stretch> stretches) const {
    if (!options_.random || *options_.random >= stretches.size()) return stretches;
    std::vector<Stretch> some;
    std::ranges::sample(stretches, std::back_inserter(some),
                        static_cast<std::ptrdiff_t>(*options_.random), std::random_device());
    return some;
  }

  Checkpoint load(std::uint64_t step) const {
    return load_checkpoint(model_path(options_.run, step), setup_.layout);
  }
  bool has_checkpoint(std::uint64_t step) const {
    return std::ranges::binary_search(checkpoints_, step);
  }

  void compute(const Stretch& stretch, std::size_t threads) {
    const std::uint64_t from = stretch.first - 1;
    Checkpoint start = from == 0 ? beginning(setup_) : load(from);
    session_.retake(
        std::move(start), stretch.last, replay_, threads,
        [&](const Commitment& begin) { return begins_right(begin); },
        [&](const StepReport& report, const Checkpoint& now) {
          const Outcome outcome = compare(report, now);
          const std::lock_guard lock(mutex_);
          agreed_ += outcome.agrees ? 1 : 0;
          tell_progress();
          return outcome.goes_on && !is_failed_;
        });
  }

  /// Whether a stretch begins at what the record says.
  bool begins_right(const Commitment& begin) {
    if (begin.step + 1 == lines_.first_step()) {
      if (first_before(setup_.config_digest, begin) == lines_.begins_behind()) return true;
      throw InputError(fmt::format(
          "{}: line 1 does not follow from config.toml, data, placement key and weights to begin "
          "with, as they are here: they, or the line, are of another run",
          lines_.name()));
    }
    if (begin.state == lines_.at(begin.step).state) return true;
    add(begin.step, fmt::format("{} and the state beside it are not what the line of step {} says",
                                model_path(options_.run, begin.step).string(), begin.step));
    return false;
  }

  struct Outcome {
    bool agrees, goes_on;  ///< from the same state
  };

  Outcome compare(const StepReport& report, const Checkpoint& now) {
    const Commitment there = lines_.at(report.step), &here = *report.commitment;
    const bool same_answers = !there.answers || there.answers == here.answers;
    if (same_answers && there.state == here.state) {
      const std::string tensor = tensor_of(report.step, now);
      if (tensor.empty()) return {true, true};
      add(report.step,
          fmt::format("the line of step {} agrees, but {} is not what it says: first in {}",
                      report.step, model_path(options_.run, report.step).string(), tensor));
      return {false, true};
    }
    std::string what =
        same_answers && there.answers
            ? fmt::format("step {}: the answers agree, weights and state do not", report.step)
            : wrong_answers(report, there.answers.has_value());
    if (const std::string tensor = tensor_of(report.step, now); !tensor.empty()) {
      what += "; first in " + tensor;
    } else if (has_checkpoint(report.step) && there.state != here.state) {
      what += "; its checkpoint agrees, so that it is the line that is wrong";
    }
    add(report.step, what);
    return {false, there.state == here.state};
  }

  /// The first that differs from the step's checkpoint; empty where none does, or there is none.
  std::string tensor_of(std::uint64_t step, const Checkpoint& now) const {
    return has_checkpoint(step) ? first_tensor(setup_.layout, now, load(step)) : "";
  }

  /// Who brought it about where the winning answer of a slice was false.
  std::string wrong_answers(const StepReport& report, bool is_sure) const {
    StepLies lies;
    if (adversary_.corrupts()) lies = adversary_.lies(report.step, report.assignment);
    std::vector<std::string> falsely, all;
    for (const std::uint32_t slice : report.used) {
      const std::vector<std::uint32_t>& counted = report.counted[slice];
      const std::string text = fmt::format("slice {}: {} counted", slice, worker_names(counted));
      if (std::ranges::all_of(counted, [&](std::uint32_t w) { return lies.tells({w, slice}); }))
        falsely.push_back(text);
      all.push_back(text);
    }
    if (!falsely.empty()) {
      return fmt::format("step {}, {}; the winning answer was false", report.step,
                         fmt::join(falsely, "; "));
    }
    const std::size_t more = all.size() - std::min(all.size(), kNamedSlices);
    all.resize(all.size() - more);
    return fmt::format("step {}: {}; {}{}", report.step,
                       is_sure ? "an answer that was used is not what honest workers compute"
                               : "weights and state differ",
                       fmt::join(all, "; "), more > 0 ? fmt::format("; {} more", more) : "");
  }

  /// Of two about one step the one that names a tensor stays.
  void add(std::uint64_t step, const std::string& what) {
    const std::lock_guard lock(mutex_);
    std::string& said = differences_[step];
    if (said.empty() || what.find("first in ") != std::string::npos) said = what;
  }

  void tell_progress() {
    ++done_;
    constexpr std::uint64_t kLines = 20;
    const bool is_last = done_ == all_;
    if (progress_.is_due(is_last, is_last || done_ % (all_ / kLines + 1) == 0))
      progress_.show(fmt::format("{} of {} steps computed again", done_, all_), done_, all_);
  }

  const Session& session_;
  const TrainSetup& setup_;
  const VerifyOptions& options_;
  // In the order in which a run that goes on must not overtake the reader.
  std::optional<CommitmentSignature> signature_;
  std::vector<std::uint64_t> checkpoints_;
  RecordedCommitments lines_;
  Replay replay_;
  Adversary adversary_;
  std::mutex mutex_;  // of what follows
  std::uint64_t agreed_ = 0, done_ = 0, all_ = 0;
  std::map<std::uint64_t, std::string> differences_;
  std::exception_ptr failed_;
  std::atomic<bool> is_failed_{false};
  ProgressLine progress_;
};

}  // namespace

StartingConfig config_to_verify(const fs::path& run) {
  for (const std::string_view name : {kConfigFile, kCommitmentsFile}) {
    if (fs::exists(run / name)) continue;
    throw InputError(fmt::format("{} has no {}; valid: the --train-dir of a run{}", run.string(),
                                 name, name == kConfigFile ? "" : " without --commit off"));
  }
  RunConfig config = recorded_config(run / kConfigFile);
  config.engine = EngineKind::kLocal;
  config.replay.clear();
  return {std::move(config), std::nullopt};
}

Verified verify_run(const Session& session, const VerifyOptions& options) {
  return Verification(session, options).run();
}

}  // namespace detox
