#include "engine/worker_round.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <vector>

#include "base/as_error.hpp"
#include "base/round_number.hpp"
#include "comm/compression/compressor.hpp"
#include "comm/slice_lists.hpp"
#include "config/own_attack.hpp"
#include "config/rule_file.hpp"
#include "engine/probe_gradient.hpp"
#include "exchange/answer_digests.hpp"
#include "exchange/frame_budget.hpp"
#include "exchange/weights_intake.hpp"

namespace detox {
namespace {

constexpr std::chrono::milliseconds kWorkerPoll(50);
constexpr std::chrono::seconds kLastWords(10);
constexpr std::size_t kLargestText = kFrameHeaderBytes + kMaxTextBytes;
constexpr std::size_t kMostAtWork = 256;      // frames that it looks at before it begins
constexpr double kLongBusySeconds = 0.25;     // with frames, before it looks after its weights
constexpr std::size_t kMostBeforeStart = 64;  // frames of other workers before the settings
constexpr std::size_t kMostHeld = 3;          // the server has forgotten the orders before

/// There is nobody to tell.
class SilentServer final : public InputError {
 public:
  using InputError::InputError;
};

/// The work of one worker that takes part.
class WorkerRound {
 public:
  WorkerRound(Transport& transport, WorkerSettings settings, std::uint32_t worker,
              double server_timeout_s, WorkerKit kit)
      : transport_(transport),
        clock_(transport.clock()),
        settings_(std::move(settings)),
        worker_(worker),
        server_timeout_s_(server_timeout_s),
        data_(std::move(kit.data)),
        computer_(std::move(kit.learner)),
        format_(settings_.codec, computer_.learner().layout().parameter_count(),
                computer_.learner().layout().statistic_count()),
        chunks_{format_.layout().size(), settings_.chunk_bytes},
        reader_(*data_,
                {data_->size(), settings_.slices, settings_.samples_per_step, settings_.data_key},
                settings_.data_key),
        adversary_(settings_.attack, settings_.attack_key),
        weights_(transport, format_.d(), format_.s(), settings_.chunk_bytes),
        compressor_(make_compressor(settings_.compression)),
        others_(settings_.slices),
        budgets_(static_cast<std::size_t>(transport.size())) {
    grant_relays();  // weights may come before their order
  }

  /// `early`: what other workers have sent already.
  int run(std::vector<ReceivedFrame> early) {
    for (ReceivedFrame& frame : early) take_frame(std::move(frame));
    while (true) {
      if (const auto exit_code = await_work()) return *exit_code;
      answer_order();
    }
  }

 private:
  /// What it was told in a step; a newer step takes its place, and so does one that the run has
  /// gone back to.
  struct Orders {
    std::uint64_t round = 0;
    std::deque<std::uint32_t> slices;  ///< that are not answered yet
    Assignment assignment;             ///< without slices where it was not told
    std::uint64_t step() const { return step_of_round(round); }
  };
  /// What the server may ask for, of this step.
  struct Answer {
    std::uint32_t slice;
    AnswerSlot own, corrupt;
    std::span<const std::byte> bytes = {};  ///< in one of these
  };

  /// Takes frames until there is something to compute and its weights are here. Meanwhile it sends
  /// what it is asked for of its last answers. The run's exit code where the server says stop.
  std::optional<int> await_work() {
    auto last_news = clock_.now();
    const std::size_t largest = max_frame_to_worker(weights_.chunks(), limits());
    const double patience = std::max(server_timeout_s_, 40 * last_compute_s_);
    std::size_t at_work = 0;
    auto last_look = clock_.now();
    while (true) {
      const bool has_work = !orders_.slices.empty() && weights_.is_whole();
      // Others may flood this worker: that must keep it neither from its work nor from asking.
      if (has_work && at_work++ == kMostAtWork) return std::nullopt;
      const auto next = send_held();
      auto received = transport_.receive(has_work ? std::chrono::milliseconds(0) : next, largest);
      if (received) {
        if (received->from == 0) last_news = clock_.now();
        if (const auto exit_code = take_frame(std::move(*received))) return exit_code;
        if (clock_.seconds_since(last_look) < kLongBusySeconds) continue;
      } else if (has_work) {
        return std::nullopt;
      }
      last_look = clock_.now();
      weights_.look_after(clock_.now());
      if (clock_.seconds_since(last_news) > patience) {
        throw SilentServer(fmt::format("the server has been silent for {:.0f} s", patience));
      }
    }
  }

  std::optional<int> take_frame(ReceivedFrame received) {
    if (received.from != 0) watch_volume(received.from);
    const FrameView frame = parse_frame(received.bytes);
    if (const auto chunk = parse_weights(frame, weights_.chunks())) {
      weights_.take(std::move(received), *chunk);
      return std::nullopt;
    }
    if (received.from != 0) return std::nullopt;  // another worker may say anything
    if (const auto exit_code = parse_stop(frame)) return exit_code;
    if (const auto request = parse_request(frame, chunks_)) {
      send_chunks(*request);
    } else if (const auto order = parse_order(frame, limits(), weights_.chunks())) {
      take_order(*order);
    } else if (!parse_wait(frame)) {
      throw InputError(
          fmt::format("the server sent {} bytes that are no message", received.bytes.size()));
    }
    return std::nullopt;
  }

  void take_order(const OrderView& order) {
    if (order.step < orders_.round) return;
    if (order.step > orders_.round) {
      orders_ = {order.step,
                 {},
                 assignment_of(lists_of_words(order.assignment),
                               order.assignment.empty() ? 0 : settings_.workers())};
      weights_.expect(order);
      grant_relays();
    }
    if (order.slice != kNoSlice) orders_.slices.push_back(order.slice);
  }

  /// In each step another worker may be its relay, and sends it each chunk once.
  void grant_relays() {
    for (int rank = 1; rank < transport_.size(); ++rank) {
      budgets_[static_cast<std::size_t>(rank)].grant(weights_.chunks().count(),
                                                     transport_.peer(rank).offered);
    }
  }

  void watch_volume(int rank) {
    if (budgets_[static_cast<std::size_t>(rank)].is_exceeded(transport_.peer(rank).offered))
      transport_.shut_out(rank);
  }

  OrderLimits limits() const {
    return {settings_.slices, settings_.workers(), settings_.seats,
            static_cast<std::size_t>(transport_.size() - 1)};
  }

  void answer_order() {
    weights_.finish_relaying();
    const std::uint64_t step = orders_.step();
    const std::uint32_t slice = orders_.slices.front();
    orders_.slices.pop_front();
    if (answered_round_ != orders_.round) answers_ = 0;
    answered_round_ = orders_.round;
    const auto begin = clock_.now();
    const StepLies lies_of_step = lies_of();
    const bool lies = lies_of_step.tells({worker_, slice}), is_late = lies && adversary_.delays();
    if (lies_of_step.is_silent(worker_) || (is_late && std::isinf(adversary_.delay_s()))) return;
    if (answers_ == answers_of_step_.size())
      answers_of_step_.push_back({.slice = slice, .own = format_.make_slot(), .corrupt = {}});
    Answer& answer = answers_of_step_[answers_++];
    answer.slice = slice;
    reader_.begin_step(step);
    compute(slice, answer.own);
    if (lies && !is_late) corrupt(answer, lies_of_step.owned);
    last_compute_s_ = clock_.seconds_since(begin);
    answer.bytes = format_.seal(lies && !is_late ? answer.corrupt : answer.own, step);
    std::vector<FrameBytes> frames;
    if (settings_.by_digest) {
      const AnswerContext context{.step = step,
                                  .slice = slice,
                                  .weights = weights_.digest(),
                                  .codec = settings_.codec,
                                  .d = format_.d()};
      frames.push_back(
          make_digest(answered_round_, slice, digests_of_answer(context, chunks_, answer.bytes)));
    } else {
      for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk)
        frames.push_back(chunk_frame(answer, chunk));
    }
    if (is_late) return hold(std::move(frames));
    for (FrameBytes& frame : frames) transport_.send(0, std::move(frame));
  }

  /// Of answers that are not of the last step any more the server wants nothing.
  void send_chunks(const RequestView& request) {
    if (request.step != answered_round_) return;
    for (std::size_t i = 0; i < answers_; ++i) {
      const Answer& answer = answers_of_step_[i];
      if (answer.slice != request.slice || answer.bytes.empty()) continue;
      for (const std::uint32_t chunk : request.chunks)
        transport_.send(0, chunk_frame(answer, chunk));
      return;
    }
  }

  FrameBytes chunk_frame(const Answer& answer, std::size_t chunk) {
    const auto bytes = chunks_.part(answer.bytes, chunk);
    packed_.clear();
    const bool packed = compressor_ && compressor_->pack(bytes, packed_);
    return make_chunk({.step = answered_round_,
                       .slice = answer.slice,
                       .chunk = chunk,
                       .packed = packed,
                       .bytes = packed ? std::span<const std::byte>(packed_) : bytes});
  }

  void hold(std::vector<FrameBytes> frames) {
    const std::chrono::duration<double> delay(adversary_.delay_s());
    held_.push_back(
        {clock_.now() + std::chrono::duration_cast<Clock::duration>(delay), std::move(frames)});
    if (held_.size() > kMostHeld) held_.pop_front();
  }

  /// Sends what a straggler has held back for long enough, and says when to look again. Meanwhile
  /// it takes orders: it is as late as it was told in some steps, and in no others.
  std::chrono::milliseconds send_held() {
    const auto now = clock_.now();
    for (; !held_.empty() && held_.front().due <= now; held_.pop_front()) {
      for (FrameBytes& frame : held_.front().frames) transport_.send(0, std::move(frame));
    }
    if (held_.empty()) return kWorkerPoll;
    return std::min(kWorkerPoll,
                    std::chrono::ceil<std::chrono::milliseconds>(held_.front().due - now));
  }

  void compute(std::uint32_t slice, AnswerSlot& slot) {
    reader_.read(slice, batch_);
    computer_.compute(batch_.batch(), weights_.parameters(), weights_.statistics(), format_, slot);
  }

  StepLies lies_of() const {
    if (!adversary_.active() || orders_.assignment.slices() == 0) return {};
    return adversary_.lies(orders_.step(), orders_.assignment);
  }

  /// Colluders share what they know; here each finds it out by computing every slice itself, where
  /// the attack needs it.
  void corrupt(Answer& answer, const std::vector<std::uint32_t>& owned) {
    if (answer.corrupt.values.size() == 0) answer.corrupt = format_.make_slot();
    std::vector<const AnswerSlot*> honest(settings_.slices);
    honest[answer.slice] = &answer.own;
    const AnswerSlot* instead = attacked(answer.slice);
    for (std::uint32_t slice = 0; adversary_.needs_all_slices() && slice < settings_.slices;
         ++slice) {
      if (slice != answer.slice) honest[slice] = &other(slice);
    }
    adversary_.corrupt({orders_.step(), owned, honest, instead}, {worker_, answer.slice}, format_,
                       answer.corrupt, pool_);
  }

  /// What the slice gives for other labels or other samples, where the attack is of such.
  const AnswerSlot* attacked(std::uint32_t slice) {
    const auto other = adversary_.other_batch(orders_.step(), {worker_, slice}, settings_.slices);
    if (!other && !adversary_.flips_labels()) return nullptr;
    if (attacked_.values.size() == 0) attacked_ = format_.make_slot();
    if (other) {
      reader_.begin_step(other->step);
      reader_.read(other->slice, batch_);
      reader_.begin_step(orders_.step());
      computer_.compute_values(batch_.batch(), weights_.parameters(), weights_.statistics(),
                               format_, attacked_);
    } else {
      computer_.compute_flipped(batch_.batch(), data_->classes(), weights_.parameters(),
                                weights_.statistics(), format_, attacked_);
    }
    return &attacked_;
  }

  /// What a slice of this step gives.
  const AnswerSlot& other(std::uint32_t slice) {
    Other& other = others_[slice];
    if (other.slot.values.size() == 0) other.slot = format_.make_slot();
    if (other.round != orders_.round) compute(slice, other.slot);
    other.round = orders_.round;
    return other.slot;
  }

  Transport& transport_;
  const Clock& clock_;
  WorkerSettings settings_;
  std::uint32_t worker_;  ///< its own number
  double server_timeout_s_;
  std::unique_ptr<Dataset> data_;
  SliceComputer computer_;
  AnswerFormat format_;
  Chunks chunks_;
  SliceReader reader_;
  SliceBatch batch_;
  Adversary adversary_;
  ThreadPool pool_{1};
  WeightsIntake weights_;
  std::unique_ptr<Compressor> compressor_;  ///< null where chunks travel as they are
  std::vector<std::byte> packed_;
  struct Other {
    AnswerSlot slot;
    std::uint64_t round = 0;
  };
  std::vector<Other> others_;         ///< one a slice, made where an attack needs it
  AnswerSlot attacked_;               ///< likewise
  std::vector<FrameBudget> budgets_;  ///< by rank: of weights that other workers pass on
  Orders orders_;
  std::deque<Answer> answers_of_step_;  ///< the first answers_ are of answered_round_
  std::size_t answers_ = 0;
  std::uint64_t answered_round_ = 0;
  struct Held {
    Clock::time_point due;
    std::vector<FrameBytes> frames;
  };
  std::deque<Held> held_;  ///< answers that wait for their time, the earliest first
  double last_compute_s_ = 0;
};

/// The server's next text, as `parse` reads it; nothing where the server says stop.
/// `early` takes what other workers send: of those that have begun already weights may come.
template <class Parse>
auto await_text(Transport& transport, double patience_s, std::optional<int>& stopped,
                std::vector<ReceivedFrame>& early, Parse&& parse) -> decltype(parse(FrameView{})) {
  const Clock& clock = transport.clock();
  auto last_news = clock.now();
  while (clock.seconds_since(last_news) < patience_s) {
    auto received = transport.receive(kWorkerPoll, kLargestText);
    if (!received) continue;
    if (received->from != 0) {
      if (early.size() < kMostBeforeStart) early.push_back(std::move(*received));
      continue;
    }
    const FrameView frame = parse_frame(received->bytes);
    if ((stopped = parse_stop(frame))) return std::nullopt;
    last_news = clock.now();
    if (parse_wait(frame)) continue;
    if (auto text = parse(frame)) return text;
    throw InputError("the server's settings are no settings of this version");
  }
  throw SilentServer(
      fmt::format("no settings from the server within {:.0f} s (--start-timeout)", patience_s));
}

WorkerFacts facts_of(const WorkerWelcome& welcome, WorkerKit& kit) {
  const std::string probe = probe_digest(*kit.learner, kit.data->shape(), kit.data->classes(),
                                         welcome.probe_samples, welcome.probe_key);
  return {.profile = kit.profile,
          .layout_digest = layout_digest(kit.learner->layout()),
          .data_digest = kit.data->digest(),
          .probe_digest = probe,
          .host = kit.host,
          .processor = kit.processor};
}

/// The run's exit code; nothing where the server is silent for too long.
std::optional<int> await_stop(Transport& transport, double patience_s) {
  const Clock& clock = transport.clock();
  auto last_news = clock.now();
  while (clock.seconds_since(last_news) < patience_s) {
    const auto received = transport.receive(kWorkerPoll, kLargestText);
    if (!received || received->from != 0) continue;
    last_news = clock.now();
    if (const auto exit_code = parse_stop(parse_frame(received->bytes))) return exit_code;
  }
  return std::nullopt;
}

int take_part(Transport& transport, const WorkerWelcome& welcome, const WorkerKitMaker& make_kit) {
  for (const std::string& rule : welcome.rules) rule_of(rule);
  if (!welcome.attack.empty()) load_attack(attack_named(welcome.attack));
  WorkerKit kit = make_kit(welcome);
  transport.send(0, make_ready(to_json(facts_of(welcome, kit))));
  std::optional<int> stopped;
  std::vector<ReceivedFrame> early;
  auto settings =
      await_text(transport, welcome.server_timeout_s, stopped, early, [](const FrameView& frame) {
        const auto text = parse_start(frame);
        return text ? settings_from_json(*text) : std::nullopt;
      });
  if (stopped) return *stopped;
  if (const auto worker = worker_of(settings->ranks, transport.rank())) {
    return WorkerRound(transport, std::move(*settings), *worker, welcome.server_timeout_s,
                       std::move(kit))
        .run(std::move(early));
  }
  kit = {};  // nothing but memory while it waits
  if (const auto exit_code = await_stop(transport, welcome.server_timeout_s)) return *exit_code;
  throw SilentServer(
      fmt::format("the server has been silent for {:.0f} s", welcome.server_timeout_s));
}

/// The server decides what a failure costs; until it has ended the run this rank stays.
int report_failure(Transport& transport, double patience_s, const Error& error) {
  transport.send(0, make_failure(error.what(), error.exit_code()));
  transport.flush(0, kLastWords);
  if (await_stop(transport, patience_s)) return error.exit_code();
  throw error;  // the server does not listen any more: end the job from here
}

}  // namespace

int serve_as_worker(Transport& transport, double start_timeout_s, const WorkerKitMaker& make_kit) {
  double patience_s = std::chrono::duration<double>(kLastWords).count();
  try {
    std::optional<int> stopped;
    std::vector<ReceivedFrame> early;
    const auto welcome =
        await_text(transport, start_timeout_s, stopped, early, [](const FrameView& frame) {
          const auto text = parse_welcome(frame);
          return text ? welcome_from_json(*text) : std::nullopt;
        });
    if (stopped) return *stopped;
    patience_s = std::max(patience_s, welcome->server_timeout_s);
    return take_part(transport, *welcome, make_kit);
  } catch (const SilentServer&) {
    throw;
  } catch (const std::exception& error) {
    return report_failure(transport, patience_s, as_error(error));
  }
}

}  // namespace detox
