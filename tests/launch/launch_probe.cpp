// A program with the real `launch` and a `train` that only talks: the other end of
// launch_job_test.cpp.
//   launch_probe launch -n N -- train MODE [FILE]
// Every rank writes its process id to FILE.<rank>; the server FILE.ready once it has heard from
// all, and in the mode until-told it then waits for FILE.go. In the mode until-signal it writes
// FILE.ready when it waits for the signal.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "cli/command.hpp"
#include "comm/frame.hpp"
#include "comm/mpi/mpi_transport.hpp"
#include "detox/errors.hpp"
#include "host/numerics.hpp"
#include "launch/supervise.hpp"

namespace detox {
namespace {

volatile sig_atomic_t asked_to_end = 0;

int serve(Transport& transport, const std::string& mode, const std::string& file) {
  if (mode == "until-signal") {
    std::ofstream(file + ".ready").close();
    while (asked_to_end == 0) usleep(10'000);
  }
  if (mode == "forever") {
    for (;;) usleep(10'000);
  }
  int answers = 0;
  const int living = transport.size() - (mode == "dying-worker" ? 2 : 1);
  while (answers < living) {
    const auto frame = transport.receive(std::chrono::seconds(200), 1 << 21);
    if (!frame) break;
    if (parse_ready(parse_frame(frame->bytes))) ++answers;
  }
  std::ofstream(file + ".ready").close();
  while (mode == "until-told" && access((file + ".go").c_str(), F_OK) != 0) usleep(10'000);
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, make_stop(0));
  transport.flush(-1, std::chrono::seconds(1));
  if (answers < living) return 1;
  return mode == "undefended" || mode == "until-told" ? 3 : 0;
}

void work(Transport& transport, const std::string& mode) {
  transport.send(0, make_ready("{}"));
  const auto frame = transport.receive(std::chrono::seconds(200), 1 << 21);
  if (!frame || !parse_stop(parse_frame(frame->bytes))) std::fprintf(stderr, "no stop\n");
  if (mode == "stuck-worker") {
    for (;;) pause();
  }
}

int train(const std::string& mode, const std::string& file) {
  signal(SIGUSR1, [](int) { asked_to_end = 1; });
  std::ofstream(file + "." + std::to_string(rank_under_mpi())) << getpid() << std::endl;
  if (rank_under_mpi() == 0) stand_as_server();
  MpiSession session;
  MpiTransport transport(session);
  if (session.rank() == 0) tell_that_mpi_has_started();
  if (mode == "dying-worker") session.lost(1);
  if (mode == "dying-worker" && session.rank() == 1) leave_without_finalize(9);
  if (session.rank() != 0) {
    work(transport, mode);
    return 0;
  }
  const int code = serve(transport, mode, file);
  MpiSession::exits_with(code);
  return leave_result(code) ? 0 : code;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  try {
    detox::pin_numerics();
    CLI::App program("launch_probe");
    const detox::Command launch = detox::launch_command(program);
    CLI::App* train = program.add_subcommand("train");
    std::string mode, file;
    train->add_option("mode", mode);
    train->add_option("file", file);
    CLI11_PARSE(program, argc, argv);
    return train->parsed() ? detox::train(mode, file) : launch.run();
  } catch (const detox::Error& error) {
    std::fprintf(stderr, "launch_probe: %s\n", error.what());
    return error.exit_code();
  }
}
