#include "round/evictions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

[[noreturn]] void refuse(std::string_view text) {
  throw InputError(fmt::format("the list of convicted workers is none: '{}'", text.substr(0, 80)));
}

}  // namespace

Evictions::Evictions(const Terms& terms, std::string_view text, const HostsOfWorkers& then)
    : terms_(terms), workers_(terms.workers) {
  const std::string_view whole = text;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::array<std::uint64_t, 3> numbers{};  // worker, convictions, first step
    for (std::uint64_t& number : numbers) {
      const auto [rest, error] = std::from_chars(one.data(), one.data() + one.size(), number);
      if (error != std::errc() || number == 0) refuse(whole);
      one.remove_prefix(static_cast<std::size_t>(rest - one.data()));
      if (one.starts_with(':')) one.remove_prefix(1);
    }
    if (numbers[0] > workers_.size() || !(one.empty() || one == "out")) refuse(whole);
    if (workers_[numbers[0] - 1].convictions > 0) refuse(whole);  // it is there twice
    workers_[numbers[0] - 1] = {numbers[1], numbers[2], one == "out"};
    out_ += one == "out" ? 1 : 0;
  }
  for (const std::uint32_t worker : convicted()) {
    if (const auto found = then.find(worker); found != then.end())
      workers_[worker].host = found->second;
  }
}

std::vector<std::uint32_t> Evictions::book(std::uint64_t step,
                                           const std::vector<std::uint32_t>& workers) {
  std::vector<std::uint32_t> put_out;
  for (const std::uint32_t number : workers) {
    Worker& worker = workers_[number];
    if (worker.convictions++ == 0) {
      worker.first_step = step;
      worker.host = host_now(number);
    }
    if (worker.is_out || terms_.after == 0 || worker.convictions < terms_.after) continue;
    if (out_ >= terms_.most) continue;
    worker.is_out = true;
    ++out_;
    put_out.push_back(number);
  }
  return put_out;
}

bool Evictions::readmit(std::uint32_t worker) {
  if (workers_[worker].convictions == 0) return false;
  out_ -= workers_[worker].is_out ? 1 : 0;
  workers_[worker] = {};
  return true;
}

std::vector<std::uint32_t> Evictions::convicted() const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
    if (workers_[worker].convictions > 0) found.push_back(worker);
  }
  return found;
}

std::string Evictions::host_now(std::uint32_t worker) const {
  return worker < terms_.hosts.size() ? terms_.hosts[worker] : "";
}

HostsOfWorkers Evictions::hosts() const {
  HostsOfWorkers hosts;
  for (const std::uint32_t worker : convicted()) {
    if (!workers_[worker].host.empty()) hosts[worker] = workers_[worker].host;
  }
  return hosts;
}

std::string Evictions::moved() const {
  std::vector<std::string> each, numbers;
  for (const auto& [worker, then] : hosts()) {
    const std::string now = host_now(worker);
    if (terms_.after == 0 || now.empty() || now == then) continue;
    each.push_back(
        fmt::format("worker {} on '{}', now on '{}'", worker + 1, printable(then), printable(now)));
    numbers.push_back(std::to_string(worker + 1));
  }
  if (each.empty()) return {};
  return fmt::format(
      "convicted on another host than it has now: {}; where that is another machine, --readmit {} "
      "takes it in",
      fmt::join(each, "; "), fmt::join(numbers, ","));
}

std::string Evictions::text() const {
  std::string text;
  for (const std::uint32_t worker : convicted()) {
    const Worker& one = workers_[worker];
    text += fmt::format("{}{}:{}:{}{}", text.empty() ? "" : " ", worker + 1, one.convictions,
                        one.first_step, one.is_out ? ":out" : "");
  }
  return text;
}

}  // namespace detox
