#include "base/signals.hpp"

#include <signal.h>
#include <unistd.h>

namespace detox {
namespace {

std::atomic<bool> stop_wanted{false}, interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  stop_wanted = true;
  // Only SIGINT counts: after Ctrl-C a program that started this one may send SIGTERM too, and of
  // two signals that wait at once the handler of the later one runs first.
  if (signal == SIGINT && interrupted.exchange(true)) _exit(kInterruptedExitCode);
}

void handle(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);
  // nohup ignores SIGHUP, and that is to stay so.
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  handle(on_signal);
  return stop_wanted;
}

const std::atomic<bool>& stop_flag() { return stop_wanted; }

void ignore_stop_signals() { handle(SIG_IGN); }

void report_failed_writes_as_errors() {
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

void end_with_the_reader() { signal(SIGPIPE, SIG_DFL); }

}  // namespace detox
