// What a step costs between the last gradient and the next weights, over MPI. Rank 0 is the server
// as in a run; the other ranks are real workers whose learner gives out random numbers
// (stand_in.hpp) and which wait for each other, so that all gradients are there at the same moment.
// The weights after the first step are compared with those of a direct computation, byte for byte;
// exit code 1 where they differ, or where a slice was not resolved.
//
//   mpirun -n 16 ... wire_bench --coordinates 11173962 --vote digest
//
// Prints a line of "name value" pairs, medians over the steps but the first two; times in seconds:
//   tail        from the last gradient to the last slice that the server holds
//   hashing     the part of it until the last worker has its digest: as many cores as the machine
//   has broadcast   from the step's begin until all workers have the weights step        all of it,
//   without the time that workers wait for each other before tail begins server      with --hold:
//   from the last digest until the new weights are there hash, copy  the same process, on all
//   cores: digests of k answers; three times memcpy of them peak        with --memory: bytes of
//   resident memory above those after MPI_Init
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/cores.hpp"
#include "comm/mpi/mpi_session.hpp"
#include "comm/mpi/mpi_transport.hpp"
#include "config/options.hpp"
#include "config/plan.hpp"
#include "detox/errors.hpp"
#include "engine/worker_round.hpp"
#include "exchange/answer_digests.hpp"
#include "round/stand_in.hpp"
#include "run/session.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

constexpr std::size_t kUncounted = 2, kFewCoordinates = 100'000;
constexpr double kPatienceSeconds = 600;

struct Arguments {
  std::size_t coordinates = 431080, statistics = 0, steps = 7, threads = 0;
  std::string group_size = "3", vote = "digest", comm_type = "Bcast", mode = "coord-median";
  std::string compression = "none", clock;
  bool hold = false, memory = false;
};

/// Bytes of VmRSS or VmHWM.
std::size_t resident(const std::string& field) {
  std::ifstream status("/proc/self/status");
  std::size_t kilobytes = 0;
  for (std::string word; status >> word;) {
    if (word == field + ":") status >> kilobytes;
  }
  return kilobytes << 10U;
}

struct Timings {
  std::map<std::string, std::vector<double>> values;
  void add(const std::string& name, double value) { values[name].push_back(value); }
  void print(const std::string& head) const {
    std::string line = head;
    for (auto [name, all] : values) {
      const auto first =
          all.begin() + static_cast<std::ptrdiff_t>(std::min(kUncounted, all.size() - 1));
      const auto middle = first + (all.end() - first) / 2;
      std::nth_element(first, middle, all.end());
      line += fmt::format(" {} {:.6g}", name, *middle);
    }
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }
};

/// The server's end of a run of stand-ins.
class WireBench final : public RunObserver {
 public:
  WireBench(const Arguments& arguments, Transport& transport, std::size_t resident_before)
      : arguments_(arguments),
        transport_(transport),
        resident_before_(resident_before),
        workers_(static_cast<std::size_t>(transport.size() - 1)),
        clock_(arguments.clock, workers_, arguments.steps, true),
        environment_(
            {.load_data = [this](const RunConfig&, Split) -> std::unique_ptr<Dataset> {
               return std::make_unique<NoData>(samples());
             },
             .resolve_network = [](std::string_view) { return std::string("stand-in"); },
             .choose_dataset =
                 [](std::string_view name) {
                   return DatasetChoice{nullptr, std::string(name)};
                 },
             .make_learner = [this](std::string_view, ImageShape,
                                    std::size_t) -> std::unique_ptr<Learner> {
               return std::make_unique<StandIn>(arguments_.coordinates, arguments_.statistics,
                                                nullptr, 0);
             },
             .stop = stop_,
             .around_fleet = [this](Fleet& fleet) { return std::make_unique<Watch>(*this, fleet); },
             .server_timeout_s = kPatienceSeconds}),
        session_({configure(), {}}, environment_, *this, workers_) {}

  int run() {
    session_.serve(transport_);
    if (failure_.empty() && !is_compared_) failure_ = "no step was compared";
    if (!failure_.empty()) {
      fmt::print(stderr, "{}\n", failure_);
      return 1;
    }
    timings_.print(fmt::format("workers {} slices {} coordinates {} vote {}", workers_,
                               setup().plan.k, arguments_.coordinates, arguments_.vote));
    return 0;
  }

 private:
  /// Notes when a step begins, when the server holds all slices, and what weights are sent.
  class Watch final : public Fleet {
   public:
    Watch(WireBench& bench, Fleet& fleet) : bench_(bench), fleet_(fleet) {}
    FleetReport run_step(const StepOrder& order, std::chrono::duration<double> limit,
                         StepVotes& votes) override {
      bench_.on_order(order);
      const FleetReport report = fleet_.run_step(order, limit, votes);
      bench_.voted_ = SharedClock::now();
      return report;
    }
    const Clock& clock() const override { return fleet_.clock(); }

   private:
    WireBench& bench_;
    Fleet& fleet_;
  };

  const TrainSetup& setup() const { return session_.setup(); }
  std::size_t samples() const { return workers_ * (arguments_.steps + 1); }
  std::size_t answer_bytes() const {
    return AnswerFormat("none", arguments_.coordinates, arguments_.statistics).layout().size();
  }

  RunConfig configure() const {
    RunConfig config;
    const std::map<std::string, std::string> options = {
        {"group-size", arguments_.group_size},
        {"vote", arguments_.vote},
        {"comm-type", arguments_.comm_type},
        {"compress-grad", arguments_.compression},
        {"mode", arguments_.mode},
        {"batch-size", "1"},
        {"threads", fmt::to_string(arguments_.threads > 0 ? arguments_.threads : usable_cores())},
        {"max-steps", fmt::to_string(arguments_.steps)},
        {"data-dir", arguments_.clock},  // which workers are told
        {"eval-freq", "0"},
        {"log-interval", fmt::to_string(arguments_.steps)},
        {"step-timeout", fmt::to_string(kPatienceSeconds)},
        {"train-dir", (directory_ / "run").string()}};
    for (const auto& [name, text] : options) set_option(find_option(name), text, config);
    return config;
  }

  /// The weights that the second step begins with are those that the first one made.
  void on_order(const StepOrder& order) {
    if (order.step == 1) {
      before_ = first_of(order.parameters);
    } else if (order.step == 2) {
      if (!is_right(order.parameters))
        fail("step 1: the weights are not those of a direct computation");
      is_compared_ = true;
    }
    begin_ = SharedClock::now();
  }

  void on_step(const StepReport& report) override {
    const double end = SharedClock::now();
    if (report.step == 1) first_rate_ = report.lr;
    if (!report.unresolved.empty() || !report.skipped_because.empty())
      fail(fmt::format("step {}: not all slices were resolved", report.step));
    if (arguments_.memory) {
      const std::size_t peak = resident("VmHWM");
      timings_.add("peak", static_cast<double>(peak - std::min(peak, resident_before_)));
    } else {
      note(report, end);
      compare_with_reading();
    }
  }

  void fail(std::string why) {
    if (failure_.empty()) failure_ = std::move(why);
    stop_ = true;
  }

  /// What a check needs is no memory of the server's: it is little where that is measured.
  std::vector<float> first_of(std::span<const float> values) const {
    const auto few =
        values.first(arguments_.memory ? std::min(values.size(), kFewCoordinates) : values.size());
    return {few.begin(), few.end()};
  }

  void note(const StepReport& report, double end) {
    const std::uint64_t step = report.step;
    const double weights = clock_.last(SharedClock::kHasWeights, step);
    const double gradient = clock_.last(SharedClock::kHasGradient, step);
    if (weights == 0 || gradient == 0) return;
    timings_.add("broadcast", weights - begin_);
    timings_.add("tail", voted_ - gradient);
    timings_.add("step", end - begin_ - (gradient - weights));
    timings_.add("aggregate", report.seconds.aggregate);
    timings_.add("update", report.seconds.update);
    timings_.add("bytes_in", static_cast<double>(report.bytes_in));
    timings_.add("bytes_out", static_cast<double>(report.bytes_out));
    const double digest = clock_.last(SharedClock::kHasDigest, step);
    timings_.add("hashing", digest > 0 ? digest - gradient : 0);
    if (arguments_.hold && digest > 0) timings_.add("server", end - digest);
  }

  /// Hashing and copying what k answers hold, beside the step that was just taken.
  void compare_with_reading() {
    if (!arguments_.hold) return;
    const Chunks chunks{answer_bytes()};
    answers_.resize(setup().plan.k, std::vector<std::byte>(chunks.bytes));
    copies_.resize(setup().plan.k, std::vector<std::byte>(chunks.bytes));
    std::vector<Digest> digests(setup().plan.k * chunks.count());
    double begin = SharedClock::now();
    session_.pool().parallel_for(digests.size(), [&](std::size_t i, std::size_t) {
      const std::span<const std::byte> answer = answers_[i / chunks.count()];
      digests[i] = digest_of(chunks.part(answer, i % chunks.count()));
    });
    timings_.add("hash", SharedClock::now() - begin);
    begin = SharedClock::now();
    for (int turn = 0; turn < 3; ++turn) {
      session_.pool().parallel_for(digests.size(), [&](std::size_t i, std::size_t) {
        const std::span<std::byte> from =
            turn == 1 ? copies_[i / chunks.count()] : answers_[i / chunks.count()];
        const std::span<std::byte> to =
            turn == 1 ? answers_[i / chunks.count()] : copies_[i / chunks.count()];
        const auto part = chunks.part(from, i % chunks.count());
        std::memcpy(chunks.part(to, i % chunks.count()).data(), part.data(), part.size());
      });
    }
    timings_.add("copy", SharedClock::now() - begin);
  }

  /// The first step once more, from the random numbers themselves, in the first coordinates.
  bool is_right(std::span<const float> weights) {
    const std::size_t slices = setup().plan.k, columns = before_.size();
    const NoData data(samples());
    SliceReader reader(data, {data.size(), slices, slices, setup().keys.data}, setup().keys.data);
    reader.begin_step(1);
    std::vector<std::vector<float>> gradients(slices, std::vector<float>(columns));
    std::vector<const float*> rows;
    SliceBatch batch;
    for (std::size_t slice = 0; slice < slices; ++slice) {
      reader.read(slice, batch);
      random_gradient(batch.draws, gradients[slice]);
      rows.push_back(gradients[slice].data());
    }
    std::vector<float> aggregate(columns), velocity(columns);
    Workspace workspace;
    AggregationContext context{session_.pool(), workspace, 1};
    make_aggregator(arguments_.mode, setup().plan.hierarchy.rule)
        ->aggregate(Rows<float>{rows, columns}, aggregate, context);
    SgdOptions sgd = sgd_options(setup().config);
    sgd.lr = first_rate_;
    sgd_step(sgd, aggregate, before_, velocity, session_.pool());
    return std::memcmp(before_.data(), weights.data(), columns * sizeof(float)) == 0;
  }

  Arguments arguments_;
  Transport& transport_;
  std::size_t resident_before_, workers_;
  TemporaryDirectory directory_;
  std::atomic<bool> stop_{false};
  SharedClock clock_;
  Environment environment_;
  Session session_;
  double begin_ = 0, voted_ = 0, first_rate_ = 0;
  std::vector<float> before_;
  bool is_compared_ = false;
  std::string failure_;
  std::vector<std::vector<std::byte>> answers_, copies_;
  Timings timings_;
};

void work(const Arguments& arguments, Transport& transport) {
  const auto worker = static_cast<std::size_t>(transport.rank() - 1);
  const auto workers = static_cast<std::size_t>(transport.size() - 1);
  TogetherTransport together(transport, arguments.hold);
  std::unique_ptr<SharedClock> clock;
  serve_as_worker(together, kPatienceSeconds, [&](const WorkerWelcome& welcome) {
    clock = std::make_unique<SharedClock>(welcome.data_dir, workers, arguments.steps, false);
    together.use(*clock);
    return WorkerKit{.data = std::make_unique<NoData>(workers * (arguments.steps + 1)),
                     .learner = std::make_unique<StandIn>(
                         arguments.coordinates, arguments.statistics, clock.get(), worker),
                     .profile = "stand-in",
                     .host = "",
                     .processor = ""};
  });
}

Arguments parse(int argc, char** argv, CLI::App& app) {
  Arguments arguments;
  app.add_option("--coordinates", arguments.coordinates, "d");
  app.add_option("--statistics", arguments.statistics, "floats of statistics in an answer");
  app.add_option("--steps", arguments.steps)->check(CLI::Range(3, 10'000));
  app.add_option("--threads", arguments.threads, "of the server; 0: as many as there are cores");
  app.add_option("--group-size", arguments.group_size);
  app.add_option("--vote", arguments.vote);
  app.add_option("--comm-type", arguments.comm_type);
  app.add_option("--mode", arguments.mode);
  app.add_option("--compress-grad", arguments.compression);
  app.add_option("--clock", arguments.clock, "a file to be made, which all processes see");
  app.add_flag("--hold", arguments.hold, "workers send their digests together");
  app.add_flag("--memory", arguments.memory, "measure the server's memory and no times");
  app.parse(argc, argv);
  if (arguments.clock.empty()) {
    arguments.clock =
        std::filesystem::temp_directory_path() / fmt::format("wire_bench.{}", getpid());
  }
  return arguments;
}

int run(int argc, char** argv) {
  CLI::App app("what a step costs over MPI; start it with mpirun");
  Arguments arguments;
  try {
    arguments = parse(argc, argv, app);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  static MpiSession session;
  // What is resident from now on counts; only where the kernel cannot forget the peak so far is it
  // that of MPI_Init.
  std::ofstream("/proc/self/clear_refs") << "5";
  const std::size_t resident_before = resident("VmRSS");
  static MpiTransport transport(session);
  if (session.rank() > 0) {
    work(arguments, transport);
    return 0;
  }
  return serve_and_stop_workers(
      transport, [&] { return WireBench(arguments, transport, resident_before).run(); });
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  try {
    return detox::run(argc, argv);
  } catch (const detox::Error& error) {
    fmt::print(stderr, "wire_bench: {}\n", error.what());
    detox::leave_without_finalize(error.exit_code());
  }
}
