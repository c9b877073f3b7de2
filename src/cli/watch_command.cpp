// `detoxml watch`: a run as a page that keeps up with it.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "cli/command.hpp"
#include "detox/errors.hpp"
#include "report/live_page.hpp"
#include "report/page.hpp"
#include "report/page_server.hpp"
#include "report/run_data.hpp"

namespace detox {
namespace {

namespace fs = std::filesystem;

struct WatchOptions {
  std::string run, host = "127.0.0.1";
  int port = kPagePort;
  bool until_input_ends = false;
};

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// What a viewer elsewhere writes for "all addresses".
std::string host_to_show(const std::string& host) {
  if (host != "0.0.0.0" && host != "::") return host;
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : host;
}

bool has_input_ended() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, 0) <= 0) return false;
  char ignored = 0;
  return read(STDIN_FILENO, &ignored, 1) <= 0;
}

int watch(const WatchOptions& options) {
  using namespace std::chrono_literals;
  if (fs::exists(options.run) && !fs::is_directory(options.run))
    throw InputError(fmt::format("{} is no directory; valid: a run's --train-dir", options.run));
  if (!is_loopback(options.host)) {
    log_warning(
        "--host {}: whoever reaches this machine there can read the run; nothing asks who it is, "
        "and nothing is encrypted",
        options.host);
  }
  const nlohmann::json nothing = {{"title", options.run}, {"runs", nlohmann::json::array()}};
  LivePage page(options.run, page_of(nothing, "events"), data_text(nothing),
                [](const fs::path& run) { return data_text(report_data({run.string()})); });
  const std::atomic<bool>& stop = stop_on_signals();
  const auto wants_to_stop = [&] {
    if (stop) return true;
    if (!options.until_input_ends || !has_input_ended()) return false;
    page.show_end();
    constexpr auto kForViewers = 300ms;  // to fetch it
    std::this_thread::sleep_for(kForViewers);
    return true;
  };
  const PageServerOptions server{options.host, options.port};
  const bool all_are_gone = serve_page(server, page, wants_to_stop, [&](int port) {
    const bool is_other = options.port != 0 && port != options.port;
    fmt::print("watch: {}{}\n", page_address(host_to_show(options.host), port),
               is_other ? fmt::format(" (port {} is taken)", options.port) : "");
    std::fflush(stdout);
  });
  const int exit_code = stop ? kInterruptedExitCode : 0;
  if (!all_are_gone) _exit(exit_code);
  return exit_code;
}

}  // namespace

Command watch_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("watch", "a run as a page in the browser that keeps up with it");
  const auto options = std::make_shared<WatchOptions>();
  app->add_option("run", options->run, "the run's directory, which need not be there yet")
      ->required()
      ->type_name("DIR");
  app->add_option("--port", options->port,
                  "where the page is served; one that is taken: the next; 0: any")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(0, 65535).description(""));
  app->add_option("--host", options->host, "the address to serve at; 0.0.0.0: all of this machine")
      ->capture_default_str()
      ->type_name("ADDRESS");
  app->add_flag("--until-input-ends", options->until_input_ends)->group("");
  app->footer(
      "The page shows and changes nothing, for any number of viewers, while the run goes on, has "
      "died or is resumed. Ctrl-C "
      "ends it.\n"
      "Examples:\n"
      "  detoxml watch output/models\n"
      "  detoxml train --watch\n"
      "  ssh -L 8421:127.0.0.1:8421 node1 detoxml watch /shared/run   # a run of another machine, "
      "at its address here");
  return {app, [options] { return watch(*options); }};
}

}  // namespace detox
