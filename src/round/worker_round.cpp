#include "round/worker_round.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <vector>

#include "base/as_error.hpp"
#include "base/seconds_since.hpp"

namespace detox {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPoll(200);
constexpr std::size_t kMostHeld = 3;  // the server has forgotten the orders before

/// There is nobody to tell.
class SilentServer final : public InputError {
 public:
  using InputError::InputError;
};

/// The work of one worker after the settings have come.
class WorkerRound {
 public:
  WorkerRound(Transport& transport, const WorkerSettings& settings, WorkerKit kit)
      : transport_(transport),
        settings_(settings),
        data_(std::move(kit.data)),
        computer_(std::move(kit.learner)),
        format_(settings.codec, computer_.learner().layout().parameter_count(),
                computer_.learner().layout().statistic_count()),
        reader_(*data_,
                {data_->size(), settings.slices, settings.samples_per_step, settings.data_key},
                settings.data_key),
        adversary_(settings.attack, settings.attack_key),
        honest_(settings.slices),
        corrupt_(format_.make_slot()) {
    transport_.send(
        0, make_ready(to_json(WorkerFacts{kit.profile, layout_digest(computer_.learner().layout()),
                                          data_->digest()})));
  }

  int run() {
    while (true) {
      if (const auto exit_code = await_order()) return *exit_code;
      const auto weights = parse_weights(parse_frame(weights_frame_), format_.d(), format_.s());
      if (!weights || weights->step < order_->step) {
        throw InputError("the server sent an order without its weights");
      }
      // Newer weights have come already: the server has gone on without this answer.
      if (weights->step == order_->step) answer_order(*weights);
    }
  }

 private:
  struct Order {
    std::uint64_t step = 0;
    std::uint32_t slice = 0;
    std::vector<std::uint32_t> assignment;
  };

  /// Takes frames until there is an order; of several the newest. The run's exit code where the
  /// server says stop.
  std::optional<int> await_order() {
    order_.reset();
    auto last_news = Clock::now();
    const std::size_t largest = max_frame_from_server(format_.d(), format_.s(), settings_.workers);
    const double patience = std::max(settings_.server_timeout_s, 40 * last_compute_s_);
    while (true) {
      const auto next = send_held();
      auto received = transport_.receive(order_ ? std::chrono::milliseconds(0) : next, largest);
      if (!received) {
        if (order_) return std::nullopt;
        if (seconds_since(last_news) > patience) {
          throw SilentServer(fmt::format("the server has been silent for {:.0f} s", patience));
        }
        continue;
      }
      if (received->from != 0) continue;
      last_news = Clock::now();
      const FrameView frame = parse_frame(received->bytes);
      if (const auto exit_code = parse_stop(frame)) return *exit_code;
      if (parse_weights(frame, format_.d(), format_.s())) {
        weights_frame_ = std::move(received->bytes);
      } else if (const auto order = parse_order(frame, settings_.slices, settings_.workers)) {
        order_ =
            Order{order->step, order->slice, {order->assignment.begin(), order->assignment.end()}};
      } else if (!parse_wait(frame)) {
        throw InputError(
            fmt::format("the server sent {} bytes that are no message", received->bytes.size()));
      }
    }
  }

  void answer_order(const WeightsView& weights) {
    const auto begin = Clock::now();
    const bool lies = is_byzantine(), is_late = lies && adversary_.delays();
    if (is_late && std::isinf(adversary_.delay_s())) return;
    reader_.begin_step(order_->step);
    AnswerSlot& own = compute(order_->slice, weights);
    AnswerSlot& answer = lies && !is_late ? corrupt(weights) : own;
    last_compute_s_ = seconds_since(begin);
    FrameBytes frame = make_answer(order_->step, order_->slice, format_.seal(answer, order_->step));
    if (!is_late) return transport_.send(0, std::move(frame));
    const std::chrono::duration<double> delay(adversary_.delay_s());
    held_.push_back(
        {Clock::now() + std::chrono::duration_cast<Clock::duration>(delay), std::move(frame)});
    if (held_.size() > kMostHeld) held_.pop_front();
  }

  /// Sends what a straggler has held back for long enough, and says when to look again. Meanwhile
  /// it takes orders: it is as late as it was told in some steps, and in no others.
  std::chrono::milliseconds send_held() {
    const auto now = Clock::now();
    for (; !held_.empty() && held_.front().due <= now; held_.pop_front())
      transport_.send(0, std::move(held_.front().frame));
    if (held_.empty()) return kPoll;
    return std::min(kPoll, std::chrono::ceil<std::chrono::milliseconds>(held_.front().due - now));
  }

  AnswerSlot& compute(std::uint32_t slice, const WeightsView& weights) {
    AnswerSlot& slot = honest_[slice];
    if (slot.values.size() == 0) slot = format_.make_slot();
    reader_.read(slice, batch_);
    computer_.compute(batch_.batch(), weights.parameters, weights.statistics, format_, slot);
    return slot;
  }

  Assignment assignment() const {
    Assignment assignment;
    assignment.slice_of_worker = order_->assignment;
    assignment.workers_of_slice.resize(settings_.slices);
    for (std::uint32_t worker = 0; worker < order_->assignment.size(); ++worker) {
      const std::uint32_t slice = order_->assignment[worker];
      if (slice < settings_.slices) assignment.workers_of_slice[slice].push_back(worker);
    }
    return assignment;
  }

  bool is_byzantine() const {
    if (!adversary_.active() || order_->assignment.size() != settings_.workers) return false;
    return adversary_.byzantine(order_->step,
                                assignment())[static_cast<std::size_t>(transport_.rank() - 1)];
  }

  /// Colluders share what they know; here each finds it out by computing every slice itself, where
  /// the attack needs it.
  AnswerSlot& corrupt(const WeightsView& weights) {
    const Assignment groups = assignment();
    if (adversary_.needs_all_slices()) {
      for (std::uint32_t slice = 0; slice < settings_.slices; ++slice) {
        if (slice != order_->slice) compute(slice, weights);
      }
    }
    if (adversary_.flips_labels()) {
      computer_.compute_flipped(batch_.batch(), data_->classes(), weights.parameters,
                                weights.statistics, format_, honest_[order_->slice]);
    }
    std::vector<const AnswerSlot*> honest(settings_.slices);
    for (std::uint32_t slice = 0; slice < settings_.slices; ++slice) {
      if (adversary_.needs_all_slices() || slice == order_->slice) honest[slice] = &honest_[slice];
    }
    const std::vector<std::uint32_t> owned =
        owned_slices(groups, adversary_.byzantine(order_->step, groups));
    adversary_.corrupt({order_->step, owned, honest}, order_->slice, format_, corrupt_, pool_);
    return corrupt_;
  }

  Transport& transport_;
  WorkerSettings settings_;
  std::unique_ptr<Dataset> data_;
  SliceComputer computer_;
  AnswerFormat format_;
  SliceReader reader_;
  SliceBatch batch_;
  Adversary adversary_;
  ThreadPool pool_{1};
  std::vector<AnswerSlot> honest_;  ///< one a slice, made when first computed
  AnswerSlot corrupt_;
  std::vector<std::byte> weights_frame_;
  std::optional<Order> order_;
  struct Held {
    Clock::time_point due;
    FrameBytes frame;
  };
  std::deque<Held> held_;  ///< answers that wait for their time, the earliest first
  double last_compute_s_ = 0;
};

WorkerSettings await_settings(Transport& transport, double start_timeout_s,
                              std::optional<int>& stopped) {
  const auto begin = Clock::now();
  while (seconds_since(begin) < start_timeout_s) {
    const auto received = transport.receive(kPoll, kFrameHeaderBytes + kMaxTextBytes);
    if (!received || received->from != 0) continue;
    const FrameView frame = parse_frame(received->bytes);
    if ((stopped = parse_stop(frame))) return {};
    const auto text = parse_welcome(frame);
    auto settings = text ? settings_from_json(*text) : std::nullopt;
    if (settings && settings->slices >= 1 && settings->slices <= settings->samples_per_step)
      return *settings;
    throw InputError("the server's settings are no settings of this version");
  }
  throw SilentServer(fmt::format("no settings from the server within {:.0f} s (--start-timeout)",
                                 start_timeout_s));
}

/// A worker that cannot go on stays until the server says stop, so that the job ends as a whole.
/// Where the server does not listen any more, it ends from here.
int report_failure(Transport& transport, const Error& error, double patience_s) {
  transport.send(0, make_failure(error.what(), error.exit_code()));
  auto last_news = Clock::now();
  while (seconds_since(last_news) < patience_s) {
    const auto received = transport.receive(kPoll, std::size_t{1} << 31U);
    if (!received || received->from != 0) continue;
    if (parse_stop(parse_frame(received->bytes))) return error.exit_code();
    last_news = Clock::now();
  }
  throw error;
}

}  // namespace

int serve_as_worker(Transport& transport, double start_timeout_s, const WorkerKitMaker& make_kit) {
  double patience_s = start_timeout_s;
  try {
    std::optional<int> stopped;
    const WorkerSettings settings = await_settings(transport, start_timeout_s, stopped);
    if (stopped) return *stopped;
    patience_s = settings.server_timeout_s;
    return WorkerRound(transport, settings, make_kit(settings)).run();
  } catch (const SilentServer&) {
    throw;
  } catch (const std::exception& error) {
    return report_failure(transport, as_error(error), patience_s);
  }
}

}  // namespace detox
