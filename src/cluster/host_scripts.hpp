// What hosts are told to do, as scripts for sh. Every script may be repeated, leaves alone what is
// not its own, and says in its last line what was wrong.
#pragma once

#include <string>
#include <vector>

#include "cluster/cluster_config.hpp"

namespace detox {

/// Prints a line: processor, system and its version.
std::string describe_host_script();

/// Makes the server's key for its workers where it has none, and prints the public part.
std::string server_key_script(const std::string& cluster);

/// Adds a public key to authorized_keys once.
std::string authorize_script(const std::string& public_key);

/// Writes the server's settings for these hosts, its standard input being the keys that they are
/// known by, and has ~/.ssh/config include them.
std::string server_settings_script(const ClusterConfig& config,
                                   const std::vector<std::string>& peers);

/// Connects from the server to a host as mpirun does, without asking.
std::string reach_peer_script(const std::string& peer);

/// Runs the script in its standard input with bash.
std::string run_input_script(const std::vector<std::string>& arguments);

/// Makes a folder that the user can write to.
std::string make_folder_script(const std::string& folder);

/// Gives an uploaded file its name if it has this checksum (lower-case hexadecimal SHA-256).
std::string put_in_place_script(const std::string& uploaded, const std::string& file,
                                const std::string& checksum);

/// Mounts the shared file system where nothing is mounted and nothing lies.
std::string mount_script(const ClusterConfig& config);

}  // namespace detox
