// A worker that misbehaves over MPI, to stand among the ranks of `detoxml train`:
//   mpirun --enable-recovery -n 4 detoxml train ... : -n 1 faulty_worker --fault garbage:5-8 : -n 5
//   ...
// What it computes and whether it attacks as well comes from the server, as for every worker.
//   mpirun ... : -n 1 faulty_worker --flood 0:77:64 : ...
#include <CLI/CLI.hpp>
#include <cstdio>
#include <deque>

#include "base/dataset.hpp"
#include "base/learner.hpp"
#include "comm/mpi/hostile_messages.hpp"
#include "comm/mpi/mpi_transport.hpp"
#include "engine/worker_round.hpp"
#include "support/faulty_transport.hpp"
#include "support/pinned_main.hpp"

namespace detox {
namespace {

WorkerKit kit_for(const WorkerWelcome& settings) {
  WorkerKit kit;
  kit.data = load_dataset(settings.dataset, settings.data_dir, Split::kTrain, settings.image_size);
  kit.learner = make_learner(settings.network, kit.data->shape(), kit.data->classes());
  kit.profile = kit.learner->numerical_profile();
  return kit;
}

/// A worker that also sends more than anybody asked for, from a step on: whenever it looks for
/// frames, or all the time.
class VolumeTransport final : public TransportAround {
 public:
  VolumeTransport(Transport& end, const std::vector<std::string>& floods, std::uint64_t from_step,
                  bool only)
      : TransportAround(end), from_step_(from_step), only_(only) {
    for (const std::string& text : floods) add(text);
  }

  void send(int to, FrameBytes frame) override {
    step_ = std::max(step_, parse_frame(*frame).step);
    if (!is_attacking() || !only_) inner_.send(to, std::move(frame));
    attack();
  }

  std::optional<ReceivedFrame> receive(std::chrono::milliseconds timeout,
                                       std::size_t max_bytes) override {
    attack();
    if (!is_attacking()) return inner_.receive(timeout, max_bytes);
    auto frame = inner_.receive(std::chrono::milliseconds(0), max_bytes);
    const bool is_dull =
        frame && only_ && frame->from == 0 && !parse_stop(parse_frame(frame->bytes));
    if (is_dull) frame = ReceivedFrame{0, *make_wait()};  // the server lives: go on
    return frame;
  }

 private:
  /// RANK:TAG:BYTES; 0 bytes: three gibibytes.
  void add(const std::string& text) {
    int rank = 0, tag = 0;
    std::size_t bytes = 0;
    if (std::sscanf(text.c_str(), "%d:%d:%zu", &rank, &tag, &bytes) != 3)
      throw UsageError("'" + text + "' is no RANK:TAG:BYTES");
    constexpr std::size_t kUnderWay = 1024;
    floods_.emplace_back(rank, tag, bytes == 0 ? MessageFlood::kThreeGiB : bytes, kUnderWay);
  }

  bool is_attacking() const { return step_ >= from_step_ && !floods_.empty(); }
  void attack() {
    if (!is_attacking()) return;
    for (MessageFlood& flood : floods_) flood.send(256);
  }

  std::deque<MessageFlood> floods_;
  std::uint64_t from_step_, step_ = 0;
  bool only_;
};

int run(int argc, char** argv) {
  CLI::App program("a worker that misbehaves", "faulty_worker");
  std::vector<std::string> texts;
  int pause_ms = 200;
  std::vector<std::string> floods;
  std::uint64_t from_step = 3;
  bool only = false;
  program.add_option("--fault", texts, "KIND:FROM-TO, any number of them");
  program.add_option("--flood", floods, "RANK:TAG:BYTES, any number of them; 0: three gibibytes");
  program.add_option("--from-step", from_step, "when floods begin");
  program.add_flag("--only", only, "from then on compute nothing: be faster than the others");
  program.add_option("--pause-ms", pause_ms,
                     "how long `slow`, `stop`, `trickle-relay` and the drips last, and the first "
                     "`trickle`");
  CLI11_PARSE(program, argc, argv);
  std::vector<Fault> faults;
  faults.reserve(texts.size());
  for (const std::string& text : texts) faults.push_back(parse_fault(text));
  static MpiSession session(kFinalizeSeconds, 60);
  static MpiTransport transport(session);
  VolumeTransport loud(transport, floods, from_step, only);
  FaultyTransport faulty(loud, faults, std::chrono::milliseconds(pause_ms));
  try {
    serve_as_worker(faulty, 60, kit_for);
  } catch (const Error& error) {
    std::fprintf(stderr, "faulty_worker: %s\n", error.what());
    leave_without_finalize(error.exit_code());
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  return detox::pinned_main(argc, argv, "faulty_worker", detox::run);
}
