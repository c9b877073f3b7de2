#include "launch/hostfile.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <sstream>

#include "base/mistakes.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

constexpr int kMaxSlots = 100'000;

/// mpirun takes "a:2,b" apart at commas and colons, and a word that begins with a dash is an option
/// of ssh.
bool is_address(std::string_view word) {
  return !word.empty() && word.front() != '-' &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
         });
}

/// -1 where the word is no number of slots.
int whole_slots(std::string_view word) {
  int slots = -1;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, slots);
  return error == std::errc() && stop == end && slots <= kMaxSlots ? slots : -1;
}

int parse_slots(std::string_view word, std::string_view where) {
  constexpr std::string_view kKey = "slots=";
  const int slots = word.starts_with(kKey) ? whole_slots(word.substr(kKey.size())) : -1;
  if (slots < 0) {
    throw UsageError(fmt::format("{}: '{}' is not slots=N with N from 0 to {}", where,
                                 printable(word), kMaxSlots));
  }
  return slots;
}

/// "(${PS_IP})", which the original's documentation has behind the first address, and Open MPI's
/// max_slots: a host never gets more than its slots here.
bool is_passed_over(std::string_view word, std::string_view where) {
  if (word.starts_with('(') && word.ends_with(')')) return true;
  constexpr std::string_view kMost = "max_slots=";
  std::string named(word);
  std::replace(named.begin(), named.end(), '-', '_');
  if (!named.starts_with(kMost)) return false;
  if (whole_slots(std::string_view(named).substr(kMost.size())) >= 0) return true;
  throw UsageError(fmt::format("{}: '{}' is not max_slots=N with N from 0 to {}", where,
                               printable(word), kMaxSlots));
}

/// What stands first in a line: an address, or address:N as MPICH and Horovod have it. Slots of -1
/// where it says none.
HostSlots parse_host(const std::string& word, std::string_view where) {
  const std::size_t colon = word.find(':');
  const std::size_t at = word.find('@');
  const std::string name = word.substr(0, colon);
  if (is_address(name)) {
    if (colon == word.npos) return {name, -1};
    const int slots = whole_slots(word.substr(colon + 1));
    if (slots >= 0) return {name, slots};
  }
  std::string valid = "the name or IPv4 address of a machine";
  if (at != word.npos && is_address(word.substr(0, at)) && is_address(word.substr(at + 1))) {
    const std::string host = word.substr(at + 1);
    valid = fmt::format("{}: write {}, and into ~/.ssh/config: Host {}, and below it User {}",
                        valid, host, host, word.substr(0, at));
  } else if (std::count(word.begin(), word.end(), ':') > 1) {
    valid += ": mpirun takes words apart at colons; write the machine's name or IPv4 address";
  }
  throw UsageError(fmt::format("{}: '{}' is not {}", where, printable(word), valid));
}

/// "slots = 4", as Open MPI reads it, is one word.
std::string without_space_around_equals(const std::string& line) {
  std::istringstream words(line);
  std::string joined;
  for (std::string word; words >> word; joined += word) {
    if (!joined.empty() && joined.back() != '=' && word.front() != '=') joined += ' ';
  }
  return joined;
}

/// Empty where the line says nothing.
std::optional<HostSlots> parse_line(const std::string& line, std::string_view where) {
  std::istringstream words(without_space_around_equals(line));
  std::string first, word;
  if (!(words >> first)) return std::nullopt;
  HostSlots host = parse_host(first, where);
  while (words >> word) {
    if (is_passed_over(word, where)) continue;
    if (host.slots >= 0) {
      throw UsageError(fmt::format("{}: '{}' after the slots; a line is ADDRESS [slots=N]", where,
                                   printable(word)));
    }
    host.slots = parse_slots(word, where);
  }
  if (host.slots < 0) host.slots = 1;
  return host;
}

void add_to(std::vector<HostSlots>& hosts, const HostSlots& host) {
  const auto known = std::ranges::find(hosts, host.host, &HostSlots::host);
  if (known == hosts.end()) {
    hosts.push_back(host);
  } else {
    known->slots = std::min(known->slots + host.slots, kMaxSlots);
  }
}

bool same_address(const sockaddr* a, const sockaddr* b) {
  if (a == nullptr || b == nullptr || a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET) {
    return std::memcmp(&reinterpret_cast<const sockaddr_in*>(a)->sin_addr,
                       &reinterpret_cast<const sockaddr_in*>(b)->sin_addr, sizeof(in_addr)) == 0;
  }
  if (a->sa_family != AF_INET6) return false;
  return std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                     &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr, sizeof(in6_addr)) == 0;
}

}  // namespace

std::vector<HostSlots> parse_hostfile(std::istream& text, std::string_view name) {
  std::vector<HostSlots> hosts;
  Mistakes mistakes;
  int number = 0;
  for (std::string line; std::getline(text, line);) {
    const std::string where = fmt::format("{}:{}", name, ++number);
    // Editors of Windows begin a file with a mark.
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    mistakes.in([&] {
      if (const auto host = parse_line(line.substr(0, line.find('#')), where)) add_to(hosts, *host);
    });
  }
  mistakes.refuse();
  return hosts;
}

std::vector<HostSlots> place_ranks(const std::vector<HostSlots>& hosts, int processes) {
  std::vector<HostSlots> placed;
  int left = processes;
  for (const HostSlots& host : hosts) {
    const int used = std::min(left, host.slots);
    if (used > 0) placed.push_back({host.host, used});
    left -= used;
  }
  if (left > 0) {
    throw UsageError(
        fmt::format("{} processes (the server and the workers) need {} places and the hostfile has "
                    "{}: add hosts or slots=N",
                    processes, processes, processes - left));
  }
  return placed;
}

std::string rank_map(const std::vector<HostSlots>& placed) {
  std::string map;
  int first = 0;
  for (const HostSlots& host : placed) {
    const int last = first + host.slots - 1;
    const std::string ranks =
        first == last ? fmt::format("rank {}", first) : fmt::format("ranks {}-{}", first, last);
    map += fmt::format("{:<14} {}{}\n", ranks, host.host,
                       first == 0 ? "  (rank 0 is the server)" : "");
    first = last + 1;
  }
  return map;
}

bool is_this_machine(const std::string& host) {
  std::array<char, 256> own{};
  if (gethostname(own.data(), own.size() - 1) == 0 && host == own.data()) return true;
  if (host == "localhost") return true;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  ifaddrs* interfaces = nullptr;
  bool same = false;
  if (getifaddrs(&interfaces) == 0) {
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
      for (const ifaddrs* i = interfaces; i != nullptr; i = i->ifa_next) {
        same = same || same_address(a->ai_addr, i->ifa_addr);
      }
    }
    freeifaddrs(interfaces);
  }
  freeaddrinfo(found);
  return same;
}

}  // namespace detox
