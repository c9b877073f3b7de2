// `detoxml train`: a run from its options, in this process or as one of MPI's ranks.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "base/companion_program.hpp"
#include "base/log.hpp"
#include "base/own_program.hpp"
#include "base/shell_line.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "cli/help/everyday_options.hpp"
#include "cli/program_environment.hpp"
#include "cli/train_options.hpp"
#include "comm/mpi_job.hpp"
#include "comm/under_mpi.hpp"
#include "config/notices.hpp"
#include "config/option_lines.hpp"
#include "detox/errors.hpp"
#include "engine/worker_round.hpp"
#include "host/numerics.hpp"
#include "launch/foreign_job.hpp"
#include "launch/supervise.hpp"
#include "learn/learner_file.hpp"
#include "report/event_record.hpp"
#include "report/page_server.hpp"
#include "report/tensorboard.hpp"
#include "run/ending.hpp"
#include "run/session.hpp"

namespace detox {
namespace {

bool uses_mpi(const RunConfig& config) {
  if (config.engine == EngineKind::kMpi && !started_under_mpi()) {
    throw UsageError(
        "--engine mpi needs mpirun: detoxml launch -n 10 -- train, or mpirun -n 10 detoxml train");
  }
  if (!started_under_mpi() || (config.engine == EngineKind::kLocal && size_under_mpi() == 1))
    return false;
  if (config.engine == EngineKind::kLocal || size_under_mpi() == 1) {
    throw UsageError(fmt::format(
        "mpirun started {} process{}; valid: a server and one worker or more, without --engine "
        "local",
        size_under_mpi(), size_under_mpi() == 1 ? "" : "es"));
  }
  return true;
}

/// What to do about workers whose bits differ; the launcher does it by itself.
std::string advice(const RunConfig& config, int processes) {
  if (profile_in_force() == kPortableProfile) return ", under the portable profile";
  if (config.numerics == Numerics::kNative)
    return "; --numerics native does not try the portable profile";
  if (under_launcher()) return "";
  std::vector<std::string> words = own_arguments();
  words.insert(words.end(), {"--numerics", kPortableProfile});
  return fmt::format("; start the job again, with your other options of mpirun: mpirun -n {} {}",
                     processes, shell_line(words));
}

/// Tells people what happens.
class Teller final : public RunObserver {
 public:
  /// `mpi`: null for the local engine.
  explicit Teller(MpiJob* mpi) : mpi_(mpi) {}

  void on_set_up(const TrainSetup& setup) override {
    for (const std::string& notice : setup.plan.notices) log_line(notice);
    for (const std::string& notice :
         run_notices(setup.config, setup.plan, mpi_ != nullptr, setup.layout.statistic_count() > 0))
      log_line(notice);
    stop_on_signals();  // from now on there is something to keep
    logs_events_ = setup.config.tensorboard;
    if (logs_events_) check_events();
    train_dir_ = setup.config.train_dir;
  }

  void on_step(const StepReport& report) override {
    if (logs_events_) log_events(report.step);
  }

  void on_steps_end(const TrainSetup& setup, const Training& training, const Adversary& adversary,
                    const Fleet& fleet) override {
    if (const std::string text = fleet.who_was_missing(); !text.empty()) log_line(text);
    tell_verdict(setup, training, adversary);
  }

  void on_end(const TrainSetup& setup, RunEnd end) override {
    const std::string& train_dir = setup.config.train_dir;
    if (end == RunEnd::kFinished)
      return log_info("finished: step {} in {}", setup.last_step, train_dir);
    log_info("interrupted; go on with: {}",
             shell_line({"detoxml", "train", "--resume", "auto", "--train-dir", train_dir}));
  }

  void on_workers_end(const RemoteFleet& fleet) override {
    if (const std::string text = fleet.rejected_text(); !text.empty()) log_warning("{}", text);
    for (const int rank : fleet.silent_ranks()) mpi_->lost(rank);
  }

  /// Once more, when the last step is scored.
  void log_last_events() {
    if (events_) warn_of_events(events_->read_on());
  }

 private:
  void log_events(std::uint64_t step) {
    try {
      if (!events_) events_.emplace(train_dir_, step);
    } catch (const InputError& error) {
      logs_events_ = false;
      return warn_of_events(error.what());
    }
    warn_of_events(events_->read_on());
  }

  static void warn_of_events(const std::string& why) {
    if (!why.empty()) log_warning("{}; the run goes on, TensorBoard lacks steps", why);
  }

  MpiJob* mpi_;
  bool logs_events_ = false;
  std::string train_dir_;
  std::optional<LiveEvents> events_;
};

int train_locally(const StartingConfig& start) {
  const Environment environment = program_environment();
  Teller teller(nullptr);
  Session session(start, environment, teller);
  if (session.train_locally() == RunEnd::kInterrupted) return kInterruptedExitCode;
  tell_score(session.setup(), environment, session.model(), session.pool());
  teller.log_last_events();
  return 0;
}

int serve(const StartingConfig& start, MpiJob& mpi) {
  if (!start.config.replay.empty()) {
    throw UsageError(
        "--replay repeats a run in one process, whatever it ran on; valid: without MPI");
  }
  const Environment environment = program_environment();
  Teller teller(&mpi);
  Transport& transport = mpi.transport();
  Session session(start, environment, teller, static_cast<std::size_t>(transport.size() - 1));
  const auto score = [&] {
    tell_score(session.setup(), environment, session.model(), session.pool());
    teller.log_last_events();
  };
  try {
    return session.serve(transport, score) == RunEnd::kInterrupted ? kInterruptedExitCode : 0;
  } catch (const DisagreementError& error) {
    throw DisagreementError(error.what() + advice(session.setup().config, transport.size()));
  }
}

/// All comes from the server, which alone sees what a resumed run recorded; but where a worker's
/// own command line names a place for the data, its files are there.
WorkerKit make_kit(const WorkerWelcome& welcome, const RunConfig& given) {
  WorkerKit kit;
  kit.data =
      load_dataset(welcome.dataset, given.data_dir.empty() ? welcome.data_dir : given.data_dir,
                   Split::kTrain, welcome.image_size);
  kit.learner = make_learner(welcome.network, kit.data->shape(), kit.data->classes());
  kit.profile = kit.learner->numerical_profile();
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) kit.host = host.data();
  kit.processor = processor_name();
  return kit;
}

int train_over_mpi(const StartingConfig& start) {
  const RunConfig& given = start.config;
  // MPI ends with the process, after main has left the run's result: a worker that never comes to
  // its end must not cost a run that is over.
  static const std::unique_ptr<MpiJob> kMpi =
      start_mpi(kFinalizeSeconds, static_cast<unsigned>(std::clamp(given.start_timeout, 1.0, 1e6)));
  if (kMpi->size() != size_under_mpi()) {
    throw InputError(
        fmt::format("OMPI_COMM_WORLD_SIZE is {} and this process is one of {}: no mpirun has "
                    "started it; valid: "
                    "unset OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_RANK",
                    size_under_mpi(), kMpi->size()));
  }
  Transport& transport = kMpi->transport();
  if (kMpi->rank() == 0) {
    tell_that_mpi_has_started();
    stop_on_signals();  // from now on a wish to stop is answered by telling the workers
    return serve_and_stop_workers(transport, [&] { return serve(start, *kMpi); });
  }
  ignore_stop_signals();
  set_log_prefix(fmt::format("rank {}: ", kMpi->rank()));
  try {
    serve_as_worker(transport, given.start_timeout,
                    [&](const WorkerWelcome& welcome) { return make_kit(welcome, given); });
  } catch (const Error& error) {
    // The server is not there to be told: this rank ends the job.
    log_line(error.what());
    leave_without_finalize(error.exit_code());
  }
  return 0;  // the run's exit code is the server's
}

/// A page about the run, from a process of its own, which ends with this one.
std::unique_ptr<CompanionProgram> watched(const std::string& port, const std::string& train_dir) {
  constexpr int kMostDigits = 5, kMostPort = 65535;
  const bool is_number = !port.empty() && port.size() <= kMostDigits &&
                         port.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoi(port) > kMostPort)
    throw UsageError(fmt::format("--watch {}: valid: a port, 0 to {}; 0: any", port, kMostPort));
  try {
    return std::make_unique<CompanionProgram>(std::vector<std::string>{
        own_program(), "watch", "--until-input-ends", "--port", port, "--", train_dir});
  } catch (const InputError& error) {
    log_warning("{}; the run goes on without its page", error.what());
    return nullptr;
  }
}

}  // namespace

Command train_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("train", "train a network while some of the workers lie");
  const std::shared_ptr<GivenOptions> given = add_train_options(*app);
  const auto port = std::make_shared<std::optional<std::string>>();
  app->add_option_function<std::string>(
         "--watch",
         [port](const std::string& text) {
           *port = text.empty() ? std::to_string(kPagePort) : text;
         },
         fmt::format("also serve a page that keeps up with the run, as detoxml watch does, at this "
                     "port of this machine [{}]",
                     kPagePort))
      ->type_name("PORT")
      ->expected(0, 1)
      ->group(std::string(kRun));
  app->footer(
      "Examples:\n"
      "  detoxml train\n"
      "  detoxml train --workers 45 --worker-fail 5 --global-batch 360 --buckets 5 --max-steps "
      "300\n"
      "  detoxml train --approach baseline --mode multi-krum --worker-fail 2 --err-mode alie\n"
      "  detoxml train --resume auto --max-steps 2000\n"
      "  detoxml launch -n 10 -- train --worker-fail 1\n\n" +
      legend());
  return {app, [given, port] {
            // What is resumed is the server's business: workers may not even see its files.
            const bool is_worker = rank_under_mpi() > 0;
            if (!is_worker) check_names(*given, program_environment());
            StartingConfig start{given_config(*given), std::nullopt};
            use_learner(start.config.learner);
            if (start.config.engine != EngineKind::kLocal) refuse_foreign_job();
            if (start.config.numerics == Numerics::kPortable) pin_profile(kPortableProfile);
            if (!is_worker) start = starting_config(*given);
            std::unique_ptr<CompanionProgram> page;
            if (!is_worker && *port) page = watched(**port, start.config.train_dir);
            if (uses_mpi(start.config)) return train_over_mpi(start);
            // What a resumed run recorded counts, too.
            if (start.config.numerics == Numerics::kPortable) pin_profile(kPortableProfile);
            return train_locally(start);
          }};
}

}  // namespace detox
