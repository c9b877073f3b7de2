// A worker that misbehaves over MPI, to stand among the ranks of `detoxml train`:
//   mpirun --enable-recovery -n 4 detoxml train ... : -n 1 faulty_worker --fault garbage:5-8 : -n 5
//   ...
// What it computes and whether it attacks as well comes from the server, as for every worker.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "comm/mpi/mpi_transport.hpp"
#include "detox/dataset.hpp"
#include "detox/learner.hpp"
#include "round/worker_round.hpp"
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

int run(int argc, char** argv) {
  CLI::App program("a worker that misbehaves", "faulty_worker");
  std::vector<std::string> texts;
  int pause_ms = 200;
  program.add_option("--fault", texts, "KIND:FROM-TO, any number of them")->required();
  program.add_option("--pause-ms", pause_ms, "how long `slow` and `stop` last");
  CLI11_PARSE(program, argc, argv);
  std::vector<Fault> faults;
  faults.reserve(texts.size());
  for (const std::string& text : texts) faults.push_back(parse_fault(text));
  static MpiSession session(MpiSession::kFinalizeSeconds, 60);
  static MpiTransport transport(session);
  FaultyTransport faulty(transport, faults, std::chrono::milliseconds(pause_ms));
  try {
    serve_as_worker(faulty, 60, kit_for);
  } catch (const Error& error) {
    std::fprintf(stderr, "faulty_worker: %s\n", error.what());
    MpiSession::leave_without_finalize(error.exit_code());
  }
  return 0;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  return detox::pinned_main(argc, argv, "faulty_worker", detox::run);
}
