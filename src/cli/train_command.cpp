// `detoxml train`: composes a run from its options, for the local engine and under MPI.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <limits>
#include <thread>

#include "base/log.hpp"
#include "base/names.hpp"
#include "base/shell_line.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "cli/help/everyday_options.hpp"
#include "comm/mpi/mpi_session.hpp"
#include "comm/mpi/mpi_transport.hpp"
#include "config/notices.hpp"
#include "detox/errors.hpp"
#include "engine/attackers_file.hpp"
#include "engine/local_fleet.hpp"
#include "engine/remote_fleet.hpp"
#include "engine/worker_round.hpp"
#include "host/numerics.hpp"
#include "launch/foreign_job.hpp"
#include "launch/supervise.hpp"
#include "round/training.hpp"
#include "run/admission.hpp"
#include "run/ending.hpp"
#include "run/replay_start.hpp"
#include "run/setup.hpp"
#include "run/start.hpp"

namespace detox {
namespace {

std::size_t thread_count(const RunConfig& config) {
  return config.threads > 0 ? config.threads : std::max(1U, std::thread::hardware_concurrency());
}

bool uses_mpi(const RunConfig& config) {
  if (config.engine == "mpi" && !started_under_mpi()) {
    throw UsageError(
        "--engine mpi needs mpirun: detoxml launch -n 10 -- train, or mpirun -n 10 detoxml train");
  }
  if (!started_under_mpi() || (config.engine == "local" && size_under_mpi() == 1)) return false;
  if (config.engine == "local" || size_under_mpi() == 1) {
    throw UsageError(fmt::format(
        "mpirun started {} process{}; valid: a server and one worker or more, without --engine "
        "local",
        size_under_mpi(), size_under_mpi() == 1 ? "" : "es"));
  }
  return true;
}

void tell_notices(const TrainSetup& setup, bool over_mpi) {
  for (const std::string& notice : setup.plan.notices) log_line(notice);
  for (const std::string& notice :
       run_notices(setup.config, over_mpi, setup.layout.statistic_count() > 0))
    log_line(notice);
}

void tell_missing(const Fleet& fleet) {
  if (const std::string text = fleet.who_was_missing(); !text.empty()) log_line(text);
}

/// How a run has ended, and with what.
struct Conducted {
  RunEnd end = RunEnd::kInterrupted;
  ModelState model;
};

/// The server's part, the same for every fleet.
Conducted conduct(const TrainSetup& setup, const AnswerFormat& format, const Adversary& adversary,
                  Fleet& fleet, ThreadPool& pool, Start start) {
  const RunConfig& config = setup.config;
  ServerRound round({setup.plan, format, setup.layout, setup.server_keys, sgd_options(config),
                     lr_schedule(config, setup.horizon), setup.samples_per_step, fleet, pool,
                     setup.replay ? &*setup.replay : nullptr});
  // What is replayed goes on as the record does.
  const std::uint64_t max_skipped =
      setup.replay ? std::numeric_limits<std::uint64_t>::max() : config.max_skipped;
  const TrainingOptions options{setup.last_step,         config.eval_freq,
                                config.keep_checkpoints, max_skipped,
                                config.step_timeout,     config.start_timeout,
                                config.log_interval,     setup.config_digest,
                                setup.profile,           config.on_divergence == "stop"};
  std::optional<AttackersFile> attackers;
  SimulatedTruth truth;
  if (adversary.active()) {
    attackers.emplace(adversary, setup.plan.absences, start.directory.path(),
                      start.checkpoint.state.step);
    truth = [&attackers](std::uint64_t step, const Assignment& assignment) {
      return attackers->add(step, assignment);
    };
  }
  Training training(options, round, setup.layout, std::move(start.checkpoint), start.directory);
  const std::atomic<bool>& stop = stop_on_signals();
  Conducted conducted;
  try {
    conducted.end = training.run(stop, truth);
  } catch (const std::exception&) {
    tell_missing(fleet);
    tell_verdict(setup, training, adversary);  // most of all where the run could not be defended
    throw;
  }
  tell_missing(fleet);
  tell_verdict(setup, training, adversary);
  conducted.model = training.model();
  if (conducted.end == RunEnd::kFinished) {
    log_info("finished: step {} in {}", setup.last_step, config.train_dir);
  } else {
    log_info("interrupted; go on with: {}",
             shell_line({"detoxml", "train", "--resume", "auto", "--train-dir", config.train_dir}));
  }
  return conducted;
}

AnswerFormat answer_format(const TrainSetup& setup) {
  return {setup.plan.sign_codec ? "sign" : "none", setup.layout.parameter_count(),
          setup.layout.statistic_count()};
}

int train_locally(const StartingConfig& given) {
  TrainSetup setup = set_up(given, 0);
  open_replay(setup);
  tell_notices(setup, /*over_mpi=*/false);
  ThreadPool pool(thread_count(setup.config));
  const AnswerFormat format = answer_format(setup);
  const Adversary adversary(setup.plan.attack, setup.attack_key);
  const auto train = [&] {
    LocalFleet fleet(
        {*setup.data, format, adversary, pool, setup.data_key, setup.samples_per_step, setup.plan.k,
         setup.config.compute_every_replica,
         setup.replay ? std::numeric_limits<double>::infinity() : setup.config.step_timeout},
        setup.learner_factory());
    // Only now: a start that fails leaves no directory that the next attempt stumbles over.
    Start start = open_start(setup);
    return conduct(setup, format, adversary, fleet, pool, std::move(start));
  };
  const Conducted conducted = train();  // its learners are gone before those that score are made
  if (conducted.end == RunEnd::kInterrupted) return kInterruptedExitCode;
  if (setup.replay) compare_with_replayed(setup);
  tell_score(setup, conducted.model, pool, stop_on_signals());
  return 0;
}

/// Told however the run ends.
struct ToldAtTheEnd {
  const RemoteFleet& fleet;
  MpiSession& session;
  ~ToldAtTheEnd() {
    if (const std::string text = fleet.rejected_text(); !text.empty()) log_warning("{}", text);
    for (const int rank : fleet.silent_ranks()) session.lost(rank);
  }
};

int serve(const StartingConfig& given, Transport& transport, MpiSession& session) {
  if (!given.config.replay.empty()) {
    throw UsageError(
        "--replay repeats a run in one process, whatever it ran on; valid: without MPI");
  }
  TrainSetup setup = set_up(given, static_cast<std::size_t>(transport.size() - 1));
  tell_notices(setup, /*over_mpi=*/true);
  const WorkerWelcome welcome = welcome_for(setup);
  const std::vector<int> ranks = admit(setup, welcome, transport);
  const AnswerFormat format = answer_format(setup);
  const Adversary adversary(setup.plan.attack, setup.attack_key);
  ThreadPool pool(thread_count(setup.config));
  RemoteFleet fleet(
      {transport,
       ranks,
       pool,
       {(setup.layout.parameter_count() + setup.layout.statistic_count()) * sizeof(float)},
       {format.layout().size()},
       setup.plan.k,
       setup.plan.votes_by_digest,
       setup.config.comm_type == "Bcast",
       adversary.active(),
       stop_on_signals(),
       setup.config.compress_grad,
       ChunkPace::kLeastPatienceSeconds,
       setup.plan.q,
       setup.plan.f_eff});

  WorkerSettings settings;
  settings.ranks = ranks;
  settings.codec = setup.plan.sign_codec ? "sign" : "none";
  settings.slices = setup.plan.k;
  settings.samples_per_step = setup.samples_per_step;
  settings.data_key = setup.data_key;
  settings.attack_key = setup.attack_key;
  settings.attack = setup.plan.attack;
  settings.by_digest = setup.plan.votes_by_digest;
  settings.compression = setup.config.compress_grad;
  // Only now: a start that fails leaves no directory that the next attempt stumbles over.
  Start start = open_start(setup);
  // Of several that compute the same bits, a run that goes on keeps its own.
  const std::string& recorded = start.checkpoint.state.profile;
  if (std::ranges::find(setup.profiles, recorded) != setup.profiles.end()) setup.profile = recorded;
  fleet.start(settings, welcome.server_timeout_s);
  const ToldAtTheEnd told{fleet, session};
  const Conducted conducted = conduct(setup, format, adversary, fleet, pool, std::move(start));
  if (conducted.end == RunEnd::kInterrupted) return kInterruptedExitCode;
  // Workers that were told to stop would wait for this process at MPI's end, but not for long.
  fleet.keep_waiting_while([&] { tell_score(setup, conducted.model, pool, stop_on_signals()); });
  return 0;
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
  static MpiSession session(MpiSession::kFinalizeSeconds,
                            static_cast<unsigned>(std::clamp(given.start_timeout, 1.0, 1e6)));
  if (session.size() != size_under_mpi()) {
    throw InputError(
        fmt::format("OMPI_COMM_WORLD_SIZE is {} and this process is one of {}: no mpirun has "
                    "started it; valid: "
                    "unset OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_RANK",
                    size_under_mpi(), session.size()));
  }
  static MpiTransport transport(session);
  if (session.rank() == 0) {
    tell_that_mpi_has_started();
    stop_on_signals();  // from now on a wish to stop is answered by telling the workers
    return serve_and_stop_workers(transport, [&] { return serve(start, transport, session); });
  }
  ignore_stop_signals();
  set_log_prefix(fmt::format("rank {}: ", session.rank()));
  try {
    serve_as_worker(transport, given.start_timeout,
                    [&](const WorkerWelcome& welcome) { return make_kit(welcome, given); });
  } catch (const Error& error) {
    // The server is not there to be told: this rank ends the job.
    log_line(error.what());
    MpiSession::leave_without_finalize(error.exit_code());
  }
  return 0;  // the run's exit code is the server's
}

}  // namespace

Command train_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("train", "train a network while some of the workers lie");
  const std::shared_ptr<GivenOptions> given = add_train_options(*app);
  app->footer(
      "Examples:\n"
      "  detoxml train\n"
      "  detoxml train --workers 45 --worker-fail 5 --global-batch 360 --buckets 5 --max-steps "
      "300\n"
      "  detoxml train --approach baseline --mode multi-krum --worker-fail 2 --err-mode alie\n"
      "  detoxml train --resume auto --max-steps 2000\n"
      "  detoxml launch -n 10 -- train --worker-fail 1\n\n" +
      legend());
  return {app, [given] {
            // What is resumed is the server's business: workers may not even see its files.
            const bool is_worker = rank_under_mpi() > 0;
            if (!is_worker) check_names(*given);
            StartingConfig start{given_config(*given), std::nullopt};
            if (start.config.engine != "local") refuse_foreign_job();
            if (start.config.numerics == kPortableProfile) pin_profile(kPortableProfile);
            if (!is_worker) start = starting_config(*given);
            if (uses_mpi(start.config)) return train_over_mpi(start);
            // What a resumed run recorded counts, too.
            if (start.config.numerics == kPortableProfile) pin_profile(kPortableProfile);
            return train_locally(start);
          }};
}

}  // namespace detox
