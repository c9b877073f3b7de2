// Which machine gets how many processes of a launched job.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace detox {

struct HostSlots {
  std::string host;
  int slots = 1;
};

/// A line is an address, then perhaps `slots=N` or, at once, `:N` (1 without; 0 keeps the host
/// out);
/// `#` begins a comment. A host that stands in several lines has the sum, at its first place, as
/// mpirun has it. UsageError with file name and line otherwise.
std::vector<HostSlots> parse_hostfile(std::istream& text, std::string_view name);

/// Ranks 0 to processes - 1 in order of the hosts: the same hosts with the slots that are used,
/// without unused ones. UsageError where there are too few places.
std::vector<HostSlots> place_ranks(const std::vector<HostSlots>& hosts, int processes);

/// One line a host: "ranks 1-3  node2", the server named.
std::string rank_map(const std::vector<HostSlots>& placed);

/// Whether an address is one of this machine's own.
bool is_this_machine(const std::string& host);

}  // namespace detox
