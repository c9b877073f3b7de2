// Whether the hosts of a job can run it, before anything is started on them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/report.hpp"
#include "launch/host_shell.hpp"
#include "launch/hostfile.hpp"

namespace detox {

/// What was heard of one host.
struct HeardHost {
  std::string host;  ///< as the hostfile has it
  int ranks = 0;
  bool is_here = false;              ///< this machine: asked without a shell in between
  std::optional<HostReport> report;  ///< empty: see failure
  std::string failure;
};

/// What keeps each host from the job, a line each, in their order: "host3: no answer by ssh: …".
/// The first is the server's, and what it says is what the others are compared with. Empty: nothing
/// does.
std::vector<std::string> findings(const std::vector<HeardHost>& hosts, const RunNeeds& needs);

/// Memory of so many ranks of the job on one host.
std::uint64_t bytes_needed(const HeardHost& host, bool has_server, const RunNeeds& needs);

/// The network, as 10.0.0.0/24, that holds every host's address and no other address of theirs, so
/// that MPI does not try one that cannot be reached (docker0 has the same address everywhere).
/// Empty where there is no choice to make, or none that is right: MPI then chooses itself.
std::string network_between(const std::vector<HeardHost>& hosts);

/// Asks all hosts, the server's first and the others at once, and says on standard error what
/// keeps which from the job; `words` are train and its options. What network_between() says of
/// them. InputError where any cannot take part, UsageError where train would refuse its options.
/// Takes a few seconds, and two minutes at the most where a host is silent.
std::string check_hosts(const std::vector<HostSlots>& placed, const HostShell& shell,
                        const std::vector<std::string>& words);

}  // namespace detox
